import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { until } from '../support/outcome.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { baseUrlsOf } from '../support/product-with-provider.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { OpenHeads } from '../support/open-heads.ts';
import { isAlive, servedBy, workersOf } from '../support/worker-processes.ts';

let provider: ProviderServer;
let dataDir: string;
let product: Product;
let globexKey = '';

beforeAll(async () => {
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
  product = await startProduct({ dataDir, env: { ...baseUrlsOf(provider), KEYHOLD_WORKERS: '2', KEYHOLD_ADMIN_TOKEN: '' } });
});

afterAll(async () => {
  await product.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function firstToken(): Promise<string> {
  return (await readFile(join(dataDir, 'data', 'admin-token'), 'utf8')).trim();
}

/** A request over a connection of its own, which the system gives to whichever worker takes it. */
async function fresh(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(product.url + path, { headers: { ...headers, connection: 'close' } });
}

describe('R5.7 two workers on one port', () => {
  it('S28: make one first token between them, and say so once', async () => {
    await servedBy(product, 2);
    expect((await stat(join(dataDir, 'data', 'admin-token'))).mode & 0o777).toBe(0o600);
    const token = await firstToken();
    expect(product.output()).not.toContain(token);
    expect(product.output().split('Keyhold is ready at ')).toHaveLength(2);
    for (let round = 0; round < 10; round += 1) expect((await fresh('/api/v1/me', { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it('R3.9: log whole lines to one place, each worker with its number and in the order of one process', async () => {
    const lines = product.output().split('\n').filter((line) => line.startsWith('{'));
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const worker of [1, 2]) {
      const own = parsed.filter((line) => line['worker'] === worker).map(({ event }) => event);
      expect(own.filter((event) => ['database_connected', 'secret_store_ready', 'credential_service_ready', 'sign_in_ready', 'routes_ready'].includes(String(event)))).toEqual(
        ['database_connected', 'secret_store_ready', 'credential_service_ready', 'sign_in_ready', 'routes_ready'],
      );
    }
    const first = parsed.filter((line) => line['worker'] === undefined).map(({ event }) => event);
    expect(first.filter((event) => event === 'listening' || event === 'ready')).toEqual(['listening', 'ready']);
  });

  it('R0.1: a second start on the folder ends with 5 and names the process', async () => {
    for (const workers of ['1', '2']) {
      const { code, stderr } = await runToEnd({ dataDir, env: { KEYHOLD_WORKERS: workers } });
      expect(code).toBe(5);
      expect(stderr).toContain(String(product.process.pid));
    }
  });

  it('R0.2: /metrics of either shows what both have counted, and keeps what a dead one had', async () => {
    const count = async (): Promise<number> => {
      const text = await (await fresh('/metrics')).text();
      return Number(/keyhold_http_request_seconds_count\{route="\/livez",method="GET",status="200"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await count();
    for (let round = 0; round < 40; round += 1) await (await fresh('/livez')).text();
    expect(await count()).toBe(before + 40);
    const [dead = 0] = await servedBy(product, 2);
    process.kill(dead, 'SIGKILL');
    await servedBy(product, 2, [dead]);
    expect(await count()).toBe(before + 40);
  });

  it('R0.3: refuse more than 20 unknown keys a minute from one address, over both together', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 30; round += 1) statuses.push((await fresh('/v1/models', { authorization: `Bearer test-unknown-key-${round}` })).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.slice(20)).toEqual(Array.from({ length: 10 }, () => 429));
  });

  it('S10: what one was told is in force on the other when the answer comes, and ends its streams', async () => {
    const platform = apiOf(product.url, await firstToken());
    await platform.must('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
    const admin = apiOf(product.url, String((await platform.must('POST', '/api/v1/tenants/acme/tokens', { name: 'first', role: 'tenant-admin' })).body['token']));
    await admin.must('PUT', '/api/v1/tenants/acme/credentials/openai', { fields: { api_key: 'sk-test-own-openai-key-0001' } });
    const key = await admin.must('POST', '/api/v1/tenants/acme/gateway-keys', { name: 'application' });
    const close = { connection: 'close' };
    const streams = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => openAi(product, String(key.body['key'])).chat.completions.create({ ...hello(`endless-${index}`), stream: true }, { headers: close })),
    );
    const endings = streams.map(async (stream): Promise<number> => {
      try {
        for await (const _ of stream);
      } catch {
        return performance.now();
      }
      throw new Error('The SDK took the stream for finished.');
    });
    await admin.must('POST', '/api/v1/tenants/acme/credentials/openai/revoke');
    const revokedAt = performance.now();
    for (const endedAt of await Promise.all(endings)) expect(endedAt - revokedAt).toBeLessThan(10_000);
    for (let round = 0; round < 8; round += 1) {
      const { status } = await fetch(`${product.url}/v1/chat/completions`, { method: 'POST', headers: { ...close, authorization: `Bearer ${String(key.body['key'])}`, 'content-type': 'application/json' }, body: JSON.stringify(hello('after')) });
      expect(status).toBe(424);
    }
  });

  it('R5.3: an event is visible through either before its answer ends', async () => {
    const tenant = await makeTenantWith(await firstToken());
    globexKey = tenant.key;
    for (let round = 1; round <= 12; round += 1) {
      const answer = await fetch(`${product.url}/v1/chat/completions`, { method: 'POST', headers: { connection: 'close', authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' }, body: JSON.stringify(hello('local')) });
      await answer.text();
      const { totals } = (await (await fresh('/api/v1/tenants/globex/usage', { authorization: `Bearer ${tenant.token}` })).json()) as { totals: { requests: number } };
      expect(totals.requests).toBe(round);
    }
  });

  it('R0.3: a tenant has 2,000 requests open over both together, but for those of a moment', async () => {
    const heads = new OpenHeads(product, globexKey);
    try {
      heads.send(1_950);
      await until('all are open', () => heads.connected === 1_950);
      for (let batch = 0; batch < 10; batch += 1) {
        await sleep(500);
        heads.send(15);
      }
      await until('all are open or refused', () => heads.connected === 2_100);
      await sleep(500);
      expect(heads.refused.every((line) => line.startsWith('HTTP/1.1 429 '))).toBe(true);
      // Each alone would have let all in.
      expect(heads.refused.length).toBeGreaterThanOrEqual(50);
      expect(heads.refused.length).toBeLessThanOrEqual(100);
    } finally {
      heads.leave();
    }
  });

  it('R5.4: hold a limit exactly, both together, and tell of it in the provider\'s headers', async () => {
    const platform = apiOf(product.url, await firstToken());
    const token = await platform.must('POST', '/api/v1/tenants', { id: 'limited', name: 'Limited' }).then(() => platform.must('POST', '/api/v1/tenants/limited/tokens', { name: 'first', role: 'tenant-admin' }));
    const admin = apiOf(product.url, String(token.body['token']));
    await admin.must('PUT', '/api/v1/tenants/limited/credentials/openai', { fields: { api_key: 'sk-test-own-openai-key-0003' } });
    const { body: key } = await admin.must('POST', '/api/v1/tenants/limited/gateway-keys', { name: 'application', limits: { requests: [{ max: 9, per: 'day' }] } });
    const call = () => fetch(`${product.url}/v1/chat/completions`, { method: 'POST', headers: { connection: 'close', authorization: `Bearer ${String(key['key'])}`, 'content-type': 'application/json' }, body: JSON.stringify(hello('local')) });
    const answers = await Promise.all(Array.from({ length: 24 }, call));
    expect([200, 429].map((expected) => answers.filter(({ status }) => status === expected).length)).toEqual([9, 15]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get('x-ratelimit-limit-requests')).toBe('9');
    expect(refused?.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  });

  it('R0.1: SIGTERM ends all with 0, and frees port and folder', async () => {
    const workers = workersOf(product);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    expect(workers.some(isAlive)).toBe(false);
    expect(product.logLines().filter(({ event }) => event === 'stopped')).toHaveLength(1);
    await expect(fetch(`${product.url}/livez`)).rejects.toThrow();
    const again = await startProduct({ dataDir, env: { KEYHOLD_ADMIN_TOKEN: '' } });
    expect(await again.stop()).toEqual({ code: 0, signal: null });
  });
});

async function makeTenantWith(adminToken: string): Promise<{ readonly token: string; readonly key: string }> {
  const platform = apiOf(product.url, adminToken);
  await platform.must('POST', '/api/v1/tenants', { id: 'globex', name: 'Globex' });
  const token = String((await platform.must('POST', '/api/v1/tenants/globex/tokens', { name: 'first', role: 'tenant-admin' })).body['token']);
  const admin = apiOf(product.url, token);
  await admin.must('PUT', '/api/v1/tenants/globex/credentials/openai', { fields: { api_key: 'sk-test-own-openai-key-0002' } });
  return { token, key: String((await admin.must('POST', '/api/v1/tenants/globex/gateway-keys', { name: 'application' })).body['key']) };
}

describe('R0.1, R5.7: a start with workers that fails says why once and ends as with one process', () => {
  it.each([
    ['2, for a number that is none', { KEYHOLD_WORKERS: 'many' }, 2, /KEYHOLD_WORKERS.*Example: KEYHOLD_WORKERS=4/],
    ['6, for a key file that is missing', { KEYHOLD_WORKERS: '2', KEYHOLD_KEY_FILE: '/nonexistent/keyhold.key' }, 6, /keyhold\.key/],
  ])('%s', async (_name, env, expected, text) => {
    const { code, stderr } = await runToEnd({ dataDir, env });
    expect(code).toBe(expected);
    expect(stderr).toMatch(text);
    expect(stderr.match(/^keyhold: /gm)).toHaveLength(1);
  });
});
