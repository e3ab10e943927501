import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, helloAnswer, openAi, streamedText } from '../support/openai-sdk.ts';
import { readAll, until } from '../support/outcome.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { baseUrlsOf, usageEvents } from '../support/product-with-provider.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { isAlive, keepAsking, servedBy } from '../support/worker-processes.ts';

let provider: ProviderServer;
let dataDir: string;
let product: Product;
let acme: TestTenant;
/** Workers that were taken over from, or killed. */
let past: readonly number[] = [];

beforeAll(async () => {
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
  product = await start();
  acme = await makeTenant(product, 'acme');
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
});

afterAll(async () => {
  await product.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<Product> {
  const started = await startProduct({ dataDir, env: { ...baseUrlsOf(provider), KEYHOLD_WORKERS: '2', KEYHOLD_SHUTDOWN_TIMEOUT: '40s' } });
  past = [];
  await servedBy(started, 2);
  return started;
}

interface Usage {
  readonly totals: { readonly requests: number };
  readonly groups: readonly { readonly outcome: string; readonly requests: number }[];
}

/** What the tenant has on account, through whoever answers. */
async function usage(): Promise<Usage> {
  const answer = await fetch(`${product.url}/api/v1/tenants/acme/usage?groupBy=outcome`, { headers: { authorization: `Bearer ${acme.admin.token}`, connection: 'close' } });
  return (await answer.json()) as Usage;
}

async function counted(): Promise<number> {
  return (await usage()).totals.requests;
}

/**
 * All that reached the provider is there. What is beyond it was noted by a worker that was killed before it had sent it: it counts as aborted (R5.3), and each of the
 * twelve clients had one such request at most when each of the two was killed.
 */
async function isAccounted(): Promise<boolean> {
  const { totals, groups } = await usage();
  const beyond = totals.requests - provider.requests.length;
  const aborted = groups.find(({ outcome }) => outcome === 'aborted')?.requests ?? 0;
  return beyond >= 0 && beyond <= Math.min(aborted, 24);
}

describe('R5.7 workers under load', () => {
  it('SIGHUP replaces all of them and drops nothing: kept connections, open streams', async () => {
    const before = await servedBy(product, 2);
    const load = keepAsking(product.url, acme.gatewayKey, 12);
    const streams = Array.from({ length: 6 }, async (_, index) => readAll(await openAi(product, acme.gatewayKey).chat.completions.create({ ...hello(`slow-${index}`), stream: true })));
    await until('all streams have begun', () => provider.requests.filter(({ body }) => body.includes('"slow-')).length === 6);
    product.process.kill('SIGHUP');
    for (const { items, error } of await Promise.all(streams)) expect([streamedText(items), error]).toEqual([helloAnswer, undefined]);
    await until('new workers have taken over', () => product.logLines().some(({ event }) => event === 'workers_restarted'), 60_000);
    past = before;
    await servedBy(product, 2, past);
    const answered = load.answered;
    await until('the new ones have answered', () => load.answered > answered + 50);
    expect((await load.stop()).problems).toEqual([]);
    expect(await counted()).toBe(provider.requests.length);
  });

  it('kill -9 of one after the other loses only what was under way there, and everything that reached the provider is accounted for', async () => {
    const load = keepAsking(product.url, acme.gatewayKey, 12);
    for (const pid of await servedBy(product, 2, past)) {
      const { answered } = load;
      await until('they are at it', () => load.answered > answered + 50);
      process.kill(pid, 'SIGKILL');
      past = [...past, pid];
      await servedBy(product, 2, past);
    }
    const { problems } = await load.stop();
    // Each of the twelve clients has one request under way at most, and may find its next connection closed, too.
    expect(problems.length).toBeLessThanOrEqual(48);
    expect(problems.filter((problem) => problem.startsWith('status'))).toEqual([]);
    expect(product.logLines().filter(({ event }) => event === 'worker_died')).toHaveLength(2);
    expect(await until('all is accounted for', isAccounted)).toBe(true);
  });

  it('one that stands still is killed and replaced, while the other serves', async () => {
    const [stopped = 0] = await servedBy(product, 2, past);
    past = [...past, stopped];
    process.kill(stopped, 'SIGSTOP');
    const load = keepAsking(product.url, acme.gatewayKey, 4);
    await servedBy(product, 2, past);
    await load.stop();
    expect(load.answered).toBeGreaterThan(50);
    expect(isAlive(stopped)).toBe(false);
    expect(product.logLines()).toContainEqual(expect.objectContaining({ event: 'worker_stands_still' }));
  });

  it('R0.1: kill -9 of the first process lets its workers finish and end; until then the folder is in use, and nothing is lost', async () => {
    const workers = await servedBy(product, 2, past);
    const load = keepAsking(product.url, acme.gatewayKey, 8);
    const client = openAi(product, acme.gatewayKey).chat.completions;
    const slow = readAll(await client.create({ ...hello('slow-last'), stream: true }));
    // Keeps its worker until it is left.
    const endless = await client.create({ ...hello('endless-last'), stream: true });
    await until('they are at it', () => load.answered > 50);
    product.process.kill('SIGKILL');
    const { code, stderr } = await runToEnd({ dataDir, env: { KEYHOLD_WORKERS: '2' } });
    expect([code, stderr.includes('worker processes')]).toEqual([5, true]);
    const { items, error } = await slow;
    expect([streamedText(items), error]).toEqual([helloAnswer, undefined]);
    endless.controller.abort();
    await load.stop();
    await product.exited;
    // What an ended process has held is gone a moment before it is.
    await until('the last worker has ended', () => !workers.some(isAlive), 10_000);
    product = await start();
    expect(await isAccounted()).toBe(true);
    expect((await usageEvents({ ...acme, admin: apiOf(product.url, acme.admin.token) }, 'slow-last'))[0]).toMatchObject({ outcome: 'completed', estimated: false });
  });

  it('workers that die at once, over and over, end Keyhold with 1 and say so', async () => {
    const present = await servedBy(product, 2);
    await rm(join(dataDir, 'data', 'keyhold.key'));
    for (const pid of present) process.kill(pid, 'SIGKILL');
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.output()).toContain('Workers die at once, over and over');
    await new Promise<void>((resolve) => {
      connect(Number(new URL(product.url).port), '127.0.0.1').once('error', () => resolve());
    });
  });
});
