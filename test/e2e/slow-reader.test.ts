import { request as httpRequest, type IncomingMessage } from 'node:http';
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { usageEvents } from '../support/product-with-provider.ts';
import { type Firehose, startFirehose } from '../support/servers/firehose.ts';

const MEBIBYTE = 1024 * 1024;
/** What each answer would be, if anybody read it. */
const WHOLE = 512 * MEBIBYTE;
const READERS = 4;

let firehose: Firehose;
let dataDir: string;
let product: Product;
let acme: TestTenant;
const clients: IncomingMessage[] = [];

beforeAll(async () => {
  firehose = await startFirehose({ bytes: WHOLE });
  dataDir = await temporaryFolder();
  product = await startProduct({ dataDir, env: { KEYHOLD_SERVICE_BASE_URL_OPENAI: firehose.openAiUrl } });
  acme = await makeTenant(product, 'acme');
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await until('the provider is left alone', () => firehose.open() === 0);
});

afterAll(async () => {
  await product.kill();
  await firehose.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** A client that has the head of its answer and reads nothing of the rest. */
async function idleClient(route: string, body: Readonly<Record<string, unknown>>): Promise<IncomingMessage> {
  const client = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = httpRequest(`${product.url}/v1/${route}`, { method: 'POST', agent: false, headers: { authorization: `Bearer ${acme.gatewayKey}`, 'content-type': 'application/json' } }, resolve);
    call.once('error', reject);
    call.end(JSON.stringify(body));
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** Bytes of memory that the process has. */
async function memory(): Promise<number> {
  const text = await (await fetch(`${product.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

const routes = [
  { what: 'a stream', route: 'chat/completions', body: { model: 'firehose', stream: true, messages: [{ role: 'user', content: 'Hello' }] } },
  { what: 'a plain answer', route: 'embeddings', body: { model: 'firehose', input: 'Hello' } },
];

describe.each(routes)('S34 clients that do not read $what', ({ route, body }) => {
  it('S34 stop the provider, and cost a bounded amount of memory', async () => {
    const memoryBefore = await memory();
    const writtenBefore = firehose.written();
    const idle = await Promise.all(Array.from({ length: READERS }, () => idleClient(route, body)));
    expect(idle.map(({ statusCode }) => statusCode)).toEqual(idle.map(() => 200));
    await until('the provider has stopped writing', () => firehose.written() > writtenBefore && firehose.quietFor() > 1_500, 60_000);
    // The buffers of four sockets on the way of each, and a little of our own.
    expect(firehose.written() - writtenBefore).toBeLessThan(READERS * 32 * MEBIBYTE);
    expect(await memory()).toBeLessThan(memoryBefore + READERS * 16 * MEBIBYTE + 64 * MEBIBYTE);
    expect(firehose.open()).toBe(READERS);
  });

  it('S34 get the rest when they read again, while others are served all the time', async () => {
    const client = await idleClient(route, body);
    await until('the provider has stopped writing', () => firehose.quietFor() > 1_500, 60_000);
    const before = firehose.written();
    let came = 0;
    client.on('data', (chunk: Buffer) => {
      came += chunk.length;
      if (came > 64 * MEBIBYTE) client.pause();
    });
    await until('much more has come', () => came > 64 * MEBIBYTE);
    expect(firehose.written()).toBeGreaterThan(before);
    expect((await fetch(`${product.url}/livez`)).status).toBe(200);
    await until('the provider has stopped writing again', () => firehose.quietFor() > 1_500, 60_000);
    expect(firehose.written()).toBeLessThan(WHOLE / 2 + before);
  });

  it('R5.2 and who leaves without having read stops the provider too', async () => {
    const client = await idleClient(route, body);
    await until('the provider has stopped writing', () => firehose.quietFor() > 1_500, 60_000);
    expect(firehose.open()).toBe(1);
    client.destroy();
    await until('the provider is left alone', () => firehose.open() === 0);
    const events = await until('its usage', async () => {
      const found = (await usageEvents(acme, 'firehose')).filter((event) => event['route'] === route);
      return found.length === READERS + 2 && found;
    });
    for (const event of events) expect(event).toMatchObject({ outcome: 'aborted', estimated: true });
  });
});
