import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest, Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import { startGateway, type GatewayFixture } from '../../test/support/gateway-fixture.ts';
import { startStrictUpstream } from '../../test/support/servers/strict-upstream.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { TestAuthority, type Issued } from '../../test/support/servers/test-authority.ts';
import { openClientRoles } from '../adapters/tls-files/client-roles.ts';
import { openClientTrust } from '../adapters/tls-files/client-trust.ts';
import { openTlsFiles } from '../adapters/tls-files/tls-files.ts';
import { ClientCertificates } from '../gateway/client/client-certificates.ts';
import { createServer, type Listener } from './server.ts';

const servers = new TestAuthority('CA of the test server');
const clients = new TestAuthority('CA of clients');
const others = new TestAuthority('CA of somebody else');
const ID = 'spiffe://example.org/ns/billing/sa/app';

const issued = {
  mapped: clients.issue({ purpose: 'client', name: 'billing', uris: [ID] }),
  admin: clients.issue({ purpose: 'client', name: 'ops', organization: 'Example, Inc.' }),
  auditor: clients.issue({ purpose: 'client', name: 'auditor', dnsNames: ['audit.example.com'] }),
  unmapped: clients.issue({ purpose: 'client', name: 'stranger', uris: [`${ID}/2`], dnsNames: ['x.example.com'] }),
  // Says that it is somebody in the place where nobody looks, and in a name that could be read as two.
  pretender: clients.issue({ purpose: 'client', name: `x, URI:${ID}`, dnsNames: [`a, URI:${ID}`] }),
  two: clients.issue({ purpose: 'client', name: 'two', uris: [ID], dnsNames: ['audit.example.com'] }),
  revoked: clients.issue({ purpose: 'client', name: 'revoked', uris: [ID] }),
  expired: clients.issue({ purpose: 'client', name: 'old', uris: [ID], validUntil: Date.now() - 60_000 }),
  early: clients.issue({ purpose: 'client', name: 'early', uris: [ID], validFrom: Date.now() + 3_600_000 }),
  server: clients.issue({ purpose: 'server', name: 'server', uris: [ID] }),
  foreign: others.issue({ purpose: 'client', name: 'foreign', uris: [ID] }),
} as const;

const roles = (...more: readonly object[]) =>
  JSON.stringify({
    certificates: [
      { name: 'billing', uri: ID, tenant: 'acme', role: 'tenant-member' },
      { name: 'ops', subject: 'O=Example\\, Inc., CN=ops', tenant: null, role: 'platform-operator' },
      { name: 'auditor', dns: 'audit.example.com', tenant: 'acme', role: 'tenant-auditor' },
      ...more,
    ],
  });

let folder: string;
let plane: TestControlPlane;
let gateway: GatewayFixture;
let upstream: Awaited<ReturnType<typeof startStrictUpstream>>;
const closes: (() => void)[] = [];
const listeners = new Map<'required' | 'optional', Listener>();
let opened = 0;

const file = (name: string) => join(folder, name);
const eventually = (isSo: () => void | Promise<void>): Promise<void> => vi.waitFor(isSo, { timeout: 30_000, interval: 20 });
const portOf = (kind: 'required' | 'optional') => (listeners.get(kind)!.address() as AddressInfo).port;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-mtls-'));
  const { cert, key } = servers.issue({ purpose: 'server', name: '127.0.0.1', addresses: [[127, 0, 0, 1]] });
  writeFileSync(file('tls.crt'), cert);
  writeFileSync(file('tls.key'), key);
  writeFileSync(file('ca.crt'), clients.ca);
  writeFileSync(file('ca.crl'), clients.revocationList([issued.revoked]));
  writeFileSync(file('roles.json'), roles());
  const clientCertificates = new ClientCertificates();
  const entries = openClientRoles({ rolesFile: file('roles.json'), log: new RecordingLog(), everyMs: 20 });
  plane = await startControlPlane({ clientCertificates, certificateEntries: entries });
  const { log } = plane;
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'globex', name: 'Globex' } });
  upstream = await startStrictUpstream();
  gateway = await startGateway({
    baseUrls: { openai: `${upstream.url}/v1` },
    replaced: { clientCertificates, principals: plane.services.principals, access: plane.services.access },
  });
  const certificate = openTlsFiles({ certFile: file('tls.crt'), keyFile: file('tls.key'), log, everyMs: 1_000 });
  const trust = openClientTrust({ caFile: file('ca.crt'), crlFile: file('ca.crl'), log, everyMs: 20 });
  closes.push(() => certificate.close(), () => trust.close(), () => entries.close());
  for (const kind of ['required', 'optional'] as const) {
    const listener = createServer({
      gateway: gateway.gateway,
      controlPlane: plane.controlPlane,
      clientCertificates,
      random: (count) => Buffer.alloc(count),
      tls: { certificate, clients: { trust, required: kind === 'required', log } },
      limits: { checkMs: 50 },
    });
    listener.on('connection', () => (opened += 1));
    await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
    listeners.set(kind, listener);
  }
});

afterAll(async () => {
  for (const listener of listeners.values()) {
    listener.closeAllConnections();
    listener.close();
  }
  for (const close of closes) close();
  await gateway.close();
  await upstream.close();
  await plane.close();
  rmSync(folder, { recursive: true });
});

interface Call {
  readonly with?: Pick<Issued, 'cert' | 'key'> | undefined;
  readonly on?: 'required' | 'optional';
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
}

function call({ with: shown, on = 'required', method = 'GET', path = '/api/v1/me', headers = {}, body, agent = new Agent() }: Call): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const pair = shown === undefined ? {} : { cert: shown.cert, key: shown.key };
    const request = httpsRequest({ agent, host: '127.0.0.1', port: portOf(on), ca: servers.ca, ...pair, method, path, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) } }, (response) => {
      let text = '';
      response.on('data', (bytes: Buffer) => (text += bytes.toString()));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const errorOf = ({ json }: { readonly json: Record<string, unknown> }) => String((json['error'] as Record<string, unknown> | undefined)?.['message']);
const chat = { method: 'POST', path: '/v1/chat/completions', body: JSON.stringify({ model: 'gpt-4o', messages: [] }) } as const;

function keepOpen(options: ConnectionOptions, on: 'required' | 'optional' = 'required'): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: portOf(on), ca: servers.ca, ...options }, () => resolve(socket));
    socket.on('error', reject);
    socket.resume();
  });
}

const closed = (socket: TLSSocket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()));

describe('client certificates (R10.4)', () => {
  it.each([
    ['none', undefined, 'need a client certificate'],
    ['one of another CA', issued.foreign, 'not accepted'],
    ['one that has ended', issued.expired, 'CERT_HAS_EXPIRED'],
    ['one that has not begun', issued.early, 'CERT_NOT_YET_VALID'],
    ['one that is revoked', issued.revoked, 'CERT_REVOKED'],
    ['one that is for servers', issued.server, 'INVALID_PURPOSE'],
  ] as const)('let nobody in with %s, whatever token there is', async (_what, shown, message) => {
    for (const path of ['/livez', '/api/v1/me', '/v1/models']) {
      const answer = await call({ with: shown, path, headers: { authorization: 'Bearer test-administrator-of-the-control-plane' } });
      expect(answer.status).toBe(401);
      expect(errorOf(answer)).toContain(message);
    }
    if (shown === undefined) expect((await call({ on: 'optional', path: '/livez' })).status).toBe(200);
    else expect((await call({ with: shown, on: 'optional', path: '/livez' })).status).toBe(401);
  });

  it.each([
    ['a URI', issued.mapped, { kind: 'certificate', id: 'billing', role: 'tenant-member', tenant: 'acme' }],
    ['a subject, read whole', issued.admin, { kind: 'certificate', id: 'ops', role: 'platform-operator', tenant: null }],
    ['a DNS name', issued.auditor, { kind: 'certificate', id: 'auditor', role: 'tenant-auditor', tenant: 'acme' }],
  ] as const)('sign in by %s', async (_what, shown, who) => {
    for (const on of ['required', 'optional'] as const) {
      const { status, json } = await call({ with: shown, on });
      expect([status, json]).toEqual([200, expect.objectContaining(who)]);
      expect(JSON.stringify(json)).not.toMatch(/spiffe|CN=/);
    }
  });

  it.each([
    ['nobody has written down', issued.unmapped],
    ['only looks like another', issued.pretender],
    ['two entries know', issued.two],
  ] as const)('let in one that %s, and sign it in as nobody', async (_what, shown) => {
    const answer = await call({ with: shown });
    expect(answer.status).toBe(401);
    expect(errorOf(answer)).toContain('KEYHOLD_TLS_CLIENT_ROLES_FILE');
    expect((await call({ ...chat, with: shown })).status).toBe(401);
    expect((await call({ with: shown, path: '/livez' })).status).toBe(200);
  });

  it('R0.2: where there is a token, too, that says who it is', async () => {
    const text = await plane.token('tenant-admin', 'globex');
    for (const shown of [issued.mapped, issued.unmapped]) {
      expect((await call({ with: shown, headers: { authorization: `Bearer ${text}` } })).json).toMatchObject({ kind: 'token', tenant: 'globex' });
      expect((await call({ with: shown, headers: { authorization: 'Bearer kh_t_wrong' } })).status).toBe(401);
    }
  });

  it('S25, R10.2: permit what the role does, and are written down under their name', async () => {
    const may = async (shown: Issued, method: string, path: string, body?: string) => (await call({ with: shown, method, path, ...(body === undefined ? {} : { body }) })).status;
    expect(await may(issued.mapped, 'GET', '/api/v1/tenants/acme/credentials')).toBe(200);
    expect(await may(issued.mapped, 'POST', '/api/v1/tenants/acme/gateway-keys', '{"name":"x"}')).toBe(403);
    expect(await may(issued.mapped, 'GET', '/api/v1/tenants/globex/credentials')).toBe(404);
    expect(await may(issued.mapped, 'GET', '/api/v1/tenants')).toBe(403);
    expect(await may(issued.admin, 'GET', '/api/v1/tenants')).toBe(200);
    expect(await may(issued.admin, 'POST', '/api/v1/tenants/acme/gateway-keys', '{"name":"x"}')).toBe(403);
    expect(await may(issued.auditor, 'GET', '/api/v1/tenants/acme/audit')).toBe(200);
    const { items } = await plane.must('GET', '/api/v1/audit?limit=100');
    const actors = (items as { readonly actor: object; readonly outcome: string }[]).map(({ actor }) => actor);
    expect(actors).toContainEqual({ kind: 'certificate', id: 'billing', role: 'tenant-member' });
    expect(JSON.stringify(items)).not.toMatch(/spiffe|CN=/);
  });

  it('S9, S24: sign no browser in, which shows a certificate for whoever asks it to', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'Sec-Fetch-Mode': 'no-cors' }]) {
      const answer = await call({ with: issued.admin, method: 'POST', path: '/api/v1/platform/seal', headers });
      expect([answer.status, errorOf(answer)]).toEqual([401, expect.stringContaining('not browsers')]);
      expect((await call({ ...chat, with: issued.mapped, headers })).status).toBe(401);
    }
  });

  it('use the gateway as tokens of that role do, by either reader, on one connection', async () => {
    upstream.requests.splice(0);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = opened;
    expect((await call({ ...chat, with: issued.mapped, agent })).status).toBe(200);
    // By node:http, for its first odd request.
    expect((await call({ path: '/livez', with: issued.mapped, agent })).status).toBe(200);
    expect((await call({ ...chat, with: issued.mapped, agent })).status).toBe(200);
    expect(opened - before).toBe(1);
    expect((await call({ ...chat, with: issued.auditor })).status).toBe(403);
    expect((await call({ ...chat, with: issued.admin })).status).toBe(403);
    expect(upstream.requests).toHaveLength(2);
    agent.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('are looked at in each handshake: %s sessions are not resumed', async (version) => {
    const options = { cert: issued.mapped.cert, key: issued.mapped.key, minVersion: version, maxVersion: version };
    let session: Buffer | undefined;
    const first = await keepOpen(options);
    first.on('session', (given) => (session = given));
    first.end('GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await closed(first);
    const again = await keepOpen({ ...options, session: session ?? first.getSession() });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  });

  it('count by what the files say now, for connections that are open, too', async () => {
    const pair = ({ cert, key }: Issued) => ({ cert, key });
    const temporary = clients.issue({ purpose: 'client', name: 'temporary' });
    const going = await keepOpen(pair(temporary));
    const staying = await keepOpen(pair(issued.mapped));
    const ending = await keepOpen(pair(clients.issue({ purpose: 'client', name: 'ending', validUntil: Date.now() + 2_000 })));
    const gone = Promise.all([closed(going), closed(ending)]);

    expect((await call({ with: temporary })).status).toBe(401);
    writeFileSync(file('roles.json'), roles({ name: 'temporary', subject: 'CN=temporary', tenant: 'globex', role: 'tenant-admin' }));
    await eventually(async () => expect((await call({ with: temporary })).json).toMatchObject({ id: 'temporary', tenant: 'globex' }));

    writeFileSync(file('ca.crl'), clients.revocationList([issued.revoked, temporary]));
    await gone;
    expect(errorOf(await call({ with: temporary }))).toContain('CERT_REVOKED');
    expect(staying.destroyed).toBe(false);

    writeFileSync(file('ca.crt'), others.ca);
    writeFileSync(file('ca.crl'), others.revocationList([]));
    await closed(staying);
    expect((await call({ with: issued.mapped })).status).toBe(401);
    expect((await call({ with: issued.foreign })).json).toMatchObject({ id: 'billing' });

    for (const broken of ['', 'nonsense', others.revocationList([], Date.now() - 1_000)]) {
      writeFileSync(file('ca.crl'), broken);
      const before = plane.log.of('tls_client_trust_unusable').length;
      await eventually(() => expect(plane.log.of('tls_client_trust_unusable').length).toBe(before + 1));
      expect((await call({ with: issued.foreign })).status).toBe(200);
    }
  });

  it('start with files that can be used only', () => {
    const log = plane.log;
    const wrong = (name: string, text: string) => {
      writeFileSync(file(name), text);
      return file(name);
    };
    expect(() => openClientTrust({ caFile: file('absent'), crlFile: null, log })).toThrow(/KEYHOLD_TLS_CLIENT_CA_FILE[^]*ENOENT/);
    expect(() => openClientTrust({ caFile: wrong('bad.crt', 'nothing'), crlFile: null, log })).toThrow('no certificate');
    expect(() => openClientTrust({ caFile: wrong('good.crt', clients.ca), crlFile: wrong('bad.crl', clients.ca), log })).toThrow('no revocation list');
    for (const text of ['{', '{"certificates":[{"name":"a","uri":"b","role":"tenant-admin"}]}']) expect(() => openClientRoles({ rolesFile: wrong('bad.json', text), log })).toThrow('KEYHOLD_TLS_CLIENT_ROLES_FILE');
  });
});
