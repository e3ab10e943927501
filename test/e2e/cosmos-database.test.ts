import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { baseUrlsOf, usageEvent } from '../support/product-with-provider.ts';
import { cosmosKey, type CosmosServer, startCosmosServer } from '../support/servers/cosmos.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';

const KEY = 'sk-test-key-of-acme-00000001';

let cosmos: CosmosServer;
let way: FaultProxy;
let provider: ProviderServer;
let dataDir: string;
let product: Product;
let acme: TestTenant;
/** A signed head from before the restart. */
let early: string;

function environment(): Readonly<Record<string, string>> {
  return { ...baseUrlsOf(provider), COSMOS_DB_ENDPOINT: way.url, COSMOS_DB_KEY: cosmosKey, COSMOS_DB_DATABASE: 'keys' };
}

async function ask(model: string): Promise<Response> {
  return fetch(`${product.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${acme.gatewayKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  });
}

beforeAll(async () => {
  cosmos = await startCosmosServer();
  way = await startFaultProxy(cosmos.endpoint);
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
  product = await startProduct({ dataDir, env: environment() });
});

afterAll(async () => {
  await product.kill();
  for (const server of [way, cosmos, provider]) await server.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('Keyhold on Cosmos DB (R0.5)', () => {
  it('R3.9 says that it is connected, and keeps no database file', async () => {
    const connected = product.logLines().find(({ event }) => event === 'database_connected');
    expect(connected).toMatchObject({ level: 'info', msg: 'Cosmos DB connection established for auth services' });
    expect(await readdir(join(dataDir, 'data'))).not.toContain('keyhold.db');
  });

  it('keeps a key that is handed over, sealed, and serves with it', async () => {
    acme = await makeTenant(product, 'acme');
    await handOver(acme, 'openai', KEY);
    expect((await ask('gpt-4o')).status).toBe(200);
    expect(provider.requests.at(-1)?.headers['authorization']).toBe(`Bearer ${KEY}`);
    expect(await usageEvent(acme, 'gpt-4o')).toMatchObject({ outcome: 'completed', keySource: 'tenant' });
    const kept = way.requests.filter(({ method }) => method !== 'GET').map(({ body }) => body).join('\n');
    expect(kept).toContain('sealed-value');
    expect(kept).not.toContain(KEY);
  });

  it('goes on where it was after a restart', async () => {
    early = (await apiOf(product.url).must('GET', '/api/v1/audit/checkpoint')).text;
    await product.kill();
    product = await startProduct({ dataDir, env: environment() });
    acme = { ...acme, admin: apiOf(product.url, acme.admin.token) };
    expect((await ask('gpt-4o-mini')).status).toBe(200);
    expect(await usageEvent(acme, 'gpt-4o-mini')).toMatchObject({ keySource: 'tenant' });
    expect((await apiOf(product.url).must('GET', '/api/v1/tenants')).body['items']).toMatchObject([{ id: 'acme' }]);
  });

  it('R5.7 serves a cached key while the database is away, and takes no new one', async () => {
    way.break({ kind: 'drop-request' });
    expect((await ask('gpt-4o')).status).toBe(200);
    const refused = await acme.admin.call('PUT', '/api/v1/tenants/acme/credentials/anthropic', { fields: { api_key: 'sk-ant-test-key-of-acme-1' } });
    expect(refused.status).toBe(503);
    way.heal();
    expect((await handOver(acme, 'anthropic', 'sk-ant-test-key-of-acme-1')).status).toBe(201);
  });

  it('S30 has an audit log that another machine verifies', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'keyhold-auditor-'));
    const auditor = (args: readonly string[]) => runToEnd({ dataDir: elsewhere, args: ['audit', ...args], env: { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken } });
    const exported = await auditor(['export']);
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    const file = join(elsewhere, 'log.jsonl');
    await writeFile(file, exported.stdout);
    const [key, head] = [join(elsewhere, 'key.txt'), join(elsewhere, 'early.json')];
    await writeFile(head, early);
    await writeFile(key, (await runToEnd({ dataDir, args: ['audit', 'key'], env: environment() })).stdout);
    expect(await auditor(['verify', file, '--key', key, '--checkpoint', head])).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^PROVEN/u) });
    expect(await readFile(file, 'utf8')).toContain('credential.put');
    await rm(elsewhere, { recursive: true });
  });

  it('R10.1 shows its key nowhere, and `keyhold config` where the database is', async () => {
    const shown = await runToEnd({ dataDir, args: ['config'], env: environment() });
    expect(shown.stdout).toMatch(/COSMOS_DB_ENDPOINT.*127\.0\.0\.1/u);
    expect(shown.stdout).toMatch(/COSMOS_DB_KEY.*\[set\]/u);
    expect(shown.output + product.output()).not.toContain(cosmosKey);
    expect(way.requests.map(({ path, headers }) => path + JSON.stringify(headers)).join()).not.toContain(cosmosKey);
  });

  it('R0.1 a command on a stopped Keyhold finds it there, and makes nothing where there is none', async () => {
    await product.stop();
    expect(await runToEnd({ dataDir, args: ['token', 'new-admin'], env: environment() })).toMatchObject({ code: 0, stderr: '' });
    const none = await runToEnd({ dataDir, args: ['token', 'new-admin'], env: { ...environment(), COSMOS_DB_DATABASE: 'none' } });
    expect([none.code, none.stderr]).toEqual([4, expect.stringContaining('There is no Keyhold in')]);
    expect(way.requests.some(({ method, body }) => method === 'POST' && body.includes('"none"'))).toBe(false);
  });
});
