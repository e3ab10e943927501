import { rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Product, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { baseUrlsOf } from '../support/product-with-provider.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { type Issued, TestAuthority } from '../support/servers/test-authority.ts';

const servers = new TestAuthority('CA of the test server');
const clients = new TestAuthority('CA of clients');
const billing = clients.issue({ purpose: 'client', name: 'billing', uris: ['spiffe://example.org/billing'] });
let provider: ProviderServer;
let folder: string;
let product: Product;

interface Call {
  readonly with?: Issued;
  readonly token?: string;
  readonly body?: object;
  readonly method?: string;
}

/** Over a connection of its own, which the system gives to whichever worker takes it. */
function call(url: string, path: string, { with: shown, token, body, method = body === undefined ? 'GET' : 'POST' }: Call): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const pair = shown === undefined ? {} : { cert: shown.cert, key: shown.key };
    const request = httpsRequest(`${url.replace('http:', 'https:')}${path}`, { agent: new Agent(), ca: servers.ca, ...pair, method, headers }, (response) => {
      let text = '';
      response.on('data', (bytes: Buffer) => (text += bytes.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} }));
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

beforeAll(async () => {
  provider = await startProviderServer();
  folder = await temporaryFolder();
  const server = servers.issue({ purpose: 'server', name: 'localhost', dnsNames: ['localhost'], addresses: [[127, 0, 0, 1]] });
  const files = {
    KEYHOLD_TLS_CERT_FILE: server.cert,
    KEYHOLD_TLS_KEY_FILE: server.key,
    KEYHOLD_TLS_CLIENT_CA_FILE: clients.ca,
    KEYHOLD_TLS_CLIENT_CRL_FILE: clients.revocationList([]),
    KEYHOLD_TLS_CLIENT_ROLES_FILE: JSON.stringify({ certificates: [{ name: 'billing', uri: 'spiffe://example.org/billing', tenant: 'acme', role: 'tenant-member' }] }),
  };
  const named: Record<string, string> = {};
  for (const [name, text] of Object.entries(files)) {
    named[name] = join(folder, name);
    await writeFile(named[name], text);
  }
  product = await startProduct({
    dataDir: folder,
    env: { ...baseUrlsOf(provider), ...named, KEYHOLD_WORKERS: '2' },
    isReady: async (url) => (await call(url, '/readyz', { with: billing }).catch(() => undefined))?.status === 200,
  });
});

afterAll(async () => {
  await product.kill();
  await provider.close();
  await rm(folder, { recursive: true, force: true });
});

it('R10.4, R5.7: a certificate signs in on every worker, on the control plane and the gateway, and nobody gets in without one', async () => {
  const { url } = product;
  const admin = { with: billing, token: testAdminToken };
  expect((await call(url, '/api/v1/tenants', { ...admin, body: { id: 'acme', name: 'Acme' } })).status).toBe(201);
  expect((await call(url, '/api/v1/tenants/acme/credentials/openai', { ...admin, method: 'PUT', body: { fields: { api_key: 'sk-test-not-a-real-key-0123456789abcdef' } } })).status).toBe(201);
  for (let round = 0; round < 8; round += 1) {
    expect((await call(url, '/api/v1/me', { with: billing })).json).toMatchObject({ kind: 'certificate', id: 'billing', tenant: 'acme' });
    expect((await call(url, '/v1/chat/completions', { with: billing, body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello' }] } })).status).toBe(200);
    expect((await call(url, '/livez', {})).status).toBe(401);
  }
});
