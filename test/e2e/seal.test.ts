import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { until } from '../support/outcome.ts';
import { type Product, runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { baseUrlsOf, requestFor, requestsFor } from '../support/product-with-provider.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { chainProblems, readStoredState } from '../support/stored-state.ts';
import { blockAuditLog, unblockAuditLog } from '../support/blocked-audit-log.ts';

let dataDir: string;
let provider: ProviderServer;
let product: Product;
let acme: TestTenant;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  provider = await startProviderServer();
  product = await start();
  acme = await makeTenant(product, 'acme');
  for (const service of ['openai', 'anthropic']) await handOver(acme, service, `test-own-key-for-${service}`);
});

afterEach(async () => {
  await product.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

function start(): Promise<Product> {
  return startProduct({ dataDir, env: baseUrlsOf(provider) });
}

const seal = (reason = 'a key was leaked') => apiOf(product.url).call('POST', '/api/v1/platform/seal', { reason }, { 'x-request-id': 'emergency.seal' });
const unseal = () => apiOf(product.url).call('POST', '/api/v1/platform/unseal', undefined, { 'x-request-id': 'emergency.unseal' });
const use = (model: string) => openAi(product, acme.gatewayKey).chat.completions.create(hello(model), { maxRetries: 0 });
const ready = async () => (await fetch(`${product.url}/readyz`)).json();

/** What goes on and what does not while it is sealed. */
async function expectSealed(): Promise<void> {
  const again = apiOf(product.url, acme.admin.token);
  const base = '/api/v1/tenants/acme/credentials';
  await expect(use('sealed-model')).rejects.toMatchObject({ status: 503, message: expect.stringContaining('Keyhold is sealed') });
  expect(requestsFor(provider.requests, 'sealed-model')).toEqual([]);
  for (const [method, path, body] of [
    ['PUT', `${base}/openai`, { fields: { api_key: 'test-another-key' } }],
    ['DELETE', `${base}/openai`, undefined],
    ['POST', `${base}/openai/purge`, undefined],
    ['PUT', '/api/v1/platform/credentials/groq', { fields: { api_key: 'test-another-key' } }],
    ['POST', '/tenant/ai/credentials/groq', { apiKey: 'test-another-key' }],
  ] as const) {
    const answer = await (path.includes('platform') ? apiOf(product.url) : again).call(method, path, body);
    expect([path, answer.status, answer.headers.get('retry-after'), answer.text]).toEqual([path, 503, '60', expect.stringContaining('Keyhold is sealed')]);
  }
  expect(await ready()).toEqual({ ready: true, degraded: ['sealed'] });
  expect((await again.must('GET', `${base}/openai`)).body).toMatchObject({ state: 'active' });
  expect((await apiOf(product.url).must('GET', '/api/v1/platform/seal')).body).toMatchObject({ sealed: true, reason: 'a key was leaked' });
}

describe('the emergency stop (S29, S10)', () => {
  it('ends open streams within a second, refuses all use of keys, also after a restart, and ends with unseal', async () => {
    const stream = await openAi(product, acme.gatewayKey).chat.completions.create({ ...hello('endless-sealed'), stream: true });
    let sealedAt = Number.NaN;
    let chunks = 0;
    const error: unknown = await (async () => {
      for await (const _ of stream) {
        chunks += 1;
        if (chunks !== 3) continue;
        expect((await seal()).status).toBe(200);
        sealedAt = performance.now();
      }
    })().catch((reason: unknown) => reason);
    // The reset that follows the last words may overtake them on a busy machine.
    expect(String(error)).toMatch(/Keyhold is sealed|terminated/);
    // A second by S10; a busy machine is given more.
    expect(performance.now() - sealedAt).toBeLessThan(5_000);
    await until('the provider was left', () => Promise.resolve(requestFor(provider, 'endless-sealed').aborted));
    await expectSealed();

    expect((await product.stop()).code).toBe(0);
    product = await start();
    await expectSealed();
    expect((await apiOf(product.url, acme.admin.token).call('POST', '/api/v1/platform/unseal')).status).toBe(403);
    expect((await apiOf(product.url, acme.admin.token).must('POST', '/api/v1/tenants/acme/credentials/anthropic/revoke')).body).toMatchObject({ state: 'revoked' });

    expect((await unseal()).body).toMatchObject({ sealed: false, reason: null });
    expect(await ready()).toEqual({ ready: true, degraded: [] });
    await use('used-again');
    expect(requestFor(provider, 'used-again').headers['authorization']).toBe('Bearer test-own-key-for-openai');
    const rows = readStoredState(dataDir).auditRows.filter(({ action }) => action === 'platform.seal' || action === 'platform.unseal');
    expect(rows.map(({ action, phase, outcome }) => [action, phase, outcome])).toEqual([
      ['platform.seal', 'intent', null],
      ['platform.seal', 'outcome', 'ok'],
      ['platform.unseal', 'outcome', 'denied'],
      ['platform.unseal', 'intent', null],
      ['platform.unseal', 'outcome', 'ok'],
    ]);
  });

  it('goes on while the audit log cannot be written, with rows in the emergency journal; its end does not', async () => {
    blockAuditLog(dataDir);
    expect((await seal()).status).toBe(200);
    await expect(use('sealed-model')).rejects.toMatchObject({ status: 503, message: expect.stringContaining('Keyhold is sealed') });
    expect((await unseal()).status).toBe(503);
    expect((await apiOf(product.url).must('GET', '/api/v1/platform/seal')).body).toMatchObject({ sealed: true });
    await product.kill();
    unblockAuditLog(dataDir);
    product = await start();
    expect(product.logLines().some(({ event }) => event === 'installation_sealed')).toBe(true);
    const stored = readStoredState(dataDir);
    expect(chainProblems(stored)).toEqual([]);
    const rows = stored.auditRows.filter(({ requestId }) => requestId === 'emergency.seal');
    expect(rows.map(({ action, phase, outcome }) => [action, phase, outcome])).toEqual([['platform.seal', 'intent', null], ['platform.seal', 'outcome', 'ok']]);
    expect((await unseal()).status).toBe(200);
    await use('used-again');
  });

  it('has commands that use the API', async () => {
    await use('used-before');
    const fetches = () => readStoredState(dataDir).auditRows.filter(({ action, outcome }) => action === 'credential.fetch' && outcome === 'ok').length;
    const before = fetches();
    const command = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => runToEnd({ dataDir, args, env: { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken, ...env } });
    expect(await command(['seal'])).toMatchObject({ code: 1, stderr: expect.stringContaining('--reason') });
    expect(await command(['seal', '--reason', 'a key was leaked'], { KEYHOLD_TOKEN: acme.admin.token })).toMatchObject({ code: 1, stderr: expect.stringContaining('may not do platform.seal') });
    expect(await command(['seal', '--reason', 'a key was leaked'], { KEYHOLD_URL: '' })).toMatchObject({ code: 2, stderr: expect.stringContaining('KEYHOLD_URL') });
    expect(await command(['seal', '--reason', 'a key was leaked'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^SEALED since 20.*, by bootstrap: no key is used/), stderr: '' });
    await expectSealed();
    expect(await command(['unseal'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^UNSEALED since /), stderr: '' });
    await use('used-again');
    // No value had stayed in memory.
    expect(fetches()).toBe(before + 1);
  });
});
