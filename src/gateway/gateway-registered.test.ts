import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type GatewayFixture, type RawAnswer, startGateway, tokenOf } from '../../test/support/gateway-fixture.ts';
import { makeCertificates } from '../../test/support/servers/azure/certificates.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import { Egress } from '../egress/egress.ts';
import type { KeySource } from '../ports/usage.ts';
import { SecretValue } from '../ports/secret-value.ts';

interface Credential {
  readonly endpoint: string;
  readonly key: string;
  readonly source?: KeySource;
}

/** A deployment of one's own, which says what it was asked and over which connection. */
interface Deployment {
  readonly url: string;
  readonly seen: { readonly path: string; readonly key: string; readonly connection: number; readonly resumed: boolean }[];
  refuses: string | undefined;
  redirects: string | undefined;
  readonly server: Server;
}

const { ca, cert, key } = makeCertificates();
const trusted = getCACertificates('default');
const credentials = new Map<string, Credential>();
const newer = new Map<string, Credential>();
let gateway: GatewayFixture;
let one: Deployment;
let two: Deployment;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, ca]);
  one = await deployment();
  two = await deployment();
});
afterAll(() => {
  setDefaultCACertificates(trusted);
  for (const { server } of [one, two]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(async () => {
  for (const place of [one, two]) {
    place.seen.length = 0;
    place.refuses = undefined;
    place.redirects = undefined;
  }
  credentials.clear();
  newer.clear();
  const resolved = (service: Resolved['service'], { endpoint, key: text, source = 'tenant' }: Credential, credentialVersion: number): Resolved => ({
    source,
    service,
    credentialId: 'cred_test000000000000',
    credentialVersion,
    label: 'default',
    fields: { api_key: new SecretValue(text) },
    settings: { endpoint },
    isCurrent: () => true,
  });
  gateway = await startGateway({
    baseUrls: {},
    replaced: {
      egress: new Egress({ allowHosts: ['localhost'], resolve: async (host) => [{ address: host === 'inside.example.com' ? '10.0.0.5' : '127.0.0.1', family: 4 }] }),
      resolver: {
        resolve: ({ tenant }, { service }) => resolved(service, credentials.get(tenant)!, 1),
        refreshAfterRefusal: async ({ service }) => (newer.has('acme') ? resolved(service, newer.get('acme')!, 2) : undefined),
      },
    },
  });
  for (const tenant of ['acme', 'other']) gateway.principals.set(tenant, tokenOf(tenant));
});
afterEach(() => gateway.close());

async function deployment(): Promise<Deployment> {
  const seen: Deployment['seen'] = [];
  const connections: TLSSocket[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const socket = request.socket as TLSSocket;
    if (!connections.includes(socket)) connections.push(socket);
    const text = request.headers.authorization ?? '';
    seen.push({ path: request.url ?? '', key: text.replace('Bearer ', ''), connection: connections.indexOf(socket), resumed: socket.isSessionReused() });
    request.resume().on('end', () => {
      if (text === `Bearer ${place.refuses ?? ''}`) response.writeHead(401).end('{}');
      else if (place.redirects !== undefined) response.writeHead(302, { location: place.redirects }).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const place: Deployment = { url: `https://localhost:${(server.address() as AddressInfo).port}`, seen, refuses: undefined, redirects: undefined, server };
  return place;
}

function call(tenant: string, headers: Readonly<Record<string, string>> = {}, service = 'openai-compatible'): Promise<RawAnswer> {
  return ask(gateway.url, '/v1/chat/completions', { model: `${service}/llama`, messages: [] }, { authorization: `Bearer ${tenant}`, ...headers });
}

describe('S3 addresses that tenants register with their keys', () => {
  it('get that tenant\'s key, below the path that is registered', async () => {
    credentials.set('acme', { endpoint: `${one.url}/team/v1`, key: 'sk-test-acme-1' });
    credentials.set('other', { endpoint: two.url, key: 'sk-test-other-1' });
    expect([(await call('acme')).status, (await call('other')).status]).toEqual([200, 200]);
    expect(one.seen).toMatchObject([{ path: '/team/v1/chat/completions', key: 'sk-test-acme-1' }]);
    expect(two.seen).toMatchObject([{ path: '/chat/completions', key: 'sk-test-other-1' }]);
  });

  it('a new version brings its own address, and never a key of one version to the address of another, not even after a refusal', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    newer.set('acme', { endpoint: two.url, key: 'sk-test-acme-2' });
    one.refuses = 'sk-test-acme-1';
    expect((await call('acme')).status).toBe(200);
    expect(one.seen.map((request) => request.key)).toEqual(['sk-test-acme-1']);
    expect(two.seen.map((request) => request.key)).toEqual(['sk-test-acme-2']);
  });

  it('S33 two tenants at one address share neither connections nor TLS sessions; one tenant\'s are used again', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    credentials.set('other', { endpoint: one.url, key: 'sk-test-other-1' });
    for (const tenant of ['acme', 'other', 'acme', 'other', 'acme']) expect((await call(tenant)).status).toBe(200);
    const of = (text: string) => one.seen.filter((request) => request.key === text);
    expect(new Set(of('sk-test-acme-1').map(({ connection }) => connection)).size).toBe(1);
    expect(new Set(one.seen.map(({ connection }) => connection)).size).toBe(2);
    expect(one.seen.every(({ resumed }) => !resumed)).toBe(true);
  });

  it('S33 a platform\'s key and a tenant\'s at one address do not either', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    credentials.set('other', { endpoint: one.url, key: 'sk-test-platform-1', source: 'platform' });
    for (const tenant of ['acme', 'other']) await call(tenant);
    expect(new Set(one.seen.map(({ connection }) => connection)).size).toBe(2);
  });
});

describe('Portkey#1718: a host of one\'s own, registered or asked for', () => {
  it.each([
    'https://10.0.0.5', 'https://127.0.0.1:8443', 'https://169.254.169.254', 'https://[::1]', 'https://[::ffff:10.0.0.5]', 'https://metadata.internal', 'https://host', 'https://x.localhost',
    'http://localhost:80', 'https://localhost:22', 'https://localhost/..', 'https://user:pass@localhost', 'https://localhost#x', 'https://localhost?x', 'https://LOCALHOST', 'https://localhost/', 'https://0x7f.1', 'https://localhost.', '',
  ])('S5 an address that should never have been kept gets no key: %j', async (endpoint) => {
    credentials.set('acme', { endpoint, key: 'sk-test-acme-1' });
    const { status, body } = await call('acme');
    expect(status).toBe(500);
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: 'corrupt' } });
    expect(gateway.started).toEqual([]);
  });

  it('a name that leads inside gets none, and its tenant is not told where it leads', async () => {
    credentials.set('acme', { endpoint: 'https://inside.example.com', key: 'sk-test-acme-1' });
    const { status, body } = await call('acme');
    expect([status, body.toString()]).toEqual([502, expect.not.stringMatching(/10\.0\.0|EGRESS|private/)]);
    expect(gateway.logged.join('\n')).toContain('KEYHOLD_EGRESS_ALLOW_HOSTS');
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', inputTokens: 0 }]);
  });

  it.each(['https://evil.example#.openai.azure.com', 'https://evil.example/.openai.azure.com', 'https://evil.example?.openai.azure.com', 'https://evil.example\\.openai.azure.com', 'https://evil.example@x.openai.azure.com', 'https://a.b.openai.azure.com', 'https://x.openai.azure.com/y'])('Portkey#1596: a name of a resource is no way to another host: %j', async (endpoint) => {
    credentials.set('acme', { endpoint, key: 'sk-test-acme-1' });
    expect((await call('acme', { 'x-portkey-azure-resource-name': 'evil.example#', 'x-portkey-provider': 'azure-openai' }, 'azure-openai')).status).toBe(500);
    expect(gateway.started).toEqual([]);
  });

  it('Portkey#1718: no route forwards without the checks of all others', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    const headers = { authorization: 'Bearer acme', 'x-portkey-custom-host': two.url, 'x-portkey-provider': 'openai' };
    for (const path of ['/v1/proxy/chat/completions', '/v1/proxy/', `/proxy/${two.url}`, `/proxy/${encodeURIComponent(two.url)}/v1/chat/completions`, '/proxy/openai-compatible/../../x']) {
      expect([400, 404]).toContain((await ask(gateway.url, path, { model: 'llama', messages: [] }, headers)).status);
    }
    expect((await ask(gateway.url, '/proxy/openai-compatible/chat/completions', { model: 'llama', messages: [] }, headers)).status).toBe(200);
    expect([one.seen.length, two.seen.length]).toEqual([1, 0]);
  });

  it('CVE-2025-66405: a redirect to another host is not followed, and nobody is told where it leads', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    for (const location of [`${two.url}/chat/completions`, 'http://169.254.169.254/latest/meta-data/']) {
      one.redirects = location;
      const { status, headers, body } = await call('acme');
      expect([status, headers.location, body.toString()]).toEqual([502, undefined, expect.not.stringContaining(new URL(location).host)]);
    }
    expect(two.seen).toEqual([]);
  });

  it('CVE-2024-6587: a caller changes nothing of it by headers', async () => {
    credentials.set('acme', { endpoint: one.url, key: 'sk-test-acme-1' });
    await call('acme', { 'x-portkey-custom-host': two.url, 'x-portkey-config': JSON.stringify({ custom_host: two.url }), endpoint: two.url, 'x-keyhold-endpoint': two.url, 'api-key': 'x', 'azure-endpoint': two.url });
    expect([one.seen.length, two.seen.length]).toEqual([1, 0]);
  });
});

it('S34 a tenant that changes its address all the time uses a bounded number of them, and costs others nothing', async () => {
  credentials.set('other', { endpoint: two.url, key: 'sk-test-other-1' });
  const statuses: number[] = [];
  for (let count = 0; count < 10; count += 1) {
    credentials.set('acme', { endpoint: `${one.url}/v${count}`, key: 'sk-test-acme-1' });
    statuses.push((await call('acme')).status);
  }
  expect(statuses).toEqual([...Array<number>(8).fill(200), 429, 429]);
  expect((await call('other')).status).toBe(200);
  one.server.closeAllConnections();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await call('acme')).status).toBe(200);
});
