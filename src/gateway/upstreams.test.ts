import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { Catalog } from '../core/catalog/catalog.ts';
import { Egress } from '../egress/egress.ts';
import type { UpstreamFailure } from './upstream/upstream-failure.ts';
import { UpstreamPool } from './upstream/upstream-pool.ts';
import { Upstreams } from './upstreams.ts';

let server: Server;
let port: number;
let asked = 0;
const pools: UpstreamPool[] = [];

beforeAll(async () => {
  server = createServer((_request, response) => {
    asked += 1;
    response.end('reached');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  asked = 0;
  for (const pool of pools.splice(0)) pool.destroy();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends a key to `host` by the way out that this makes, and tells what came back, or why nothing was sent. */
const directly = { proxyFor: () => undefined, toNamed: { proxyFor: () => undefined } };

function send(egress: Egress, host: string): Promise<string | UpstreamFailure> {
  const pool = new UpstreamPool(`http://${host}:${port}`, { connectMs: 20_000, answerMs: 20_000, idleMs: 1_000 }, { way: egress });
  pools.push(pool);
  return new Promise((resolve) => {
    let text = '';
    pool.send(
      { method: 'GET', path: '/', headers: ['authorization', 'Bearer sk-test'], body: null },
      { head: () => undefined, data: (bytes) => (text += bytes.toString()), ended: () => resolve(text), failed: (failure) => resolve(failure) },
    );
  });
}

/** A name server that anybody might have, which answers each question with the next of these. */
function resolving(...answers: readonly string[]) {
  const looks = { count: 0 };
  const resolve = async () => {
    const address = answers[Math.min(looks.count, answers.length - 1)] ?? '';
    looks.count += 1;
    return [{ address, family: address.includes(':') ? 6 : 4 }];
  };
  return { looks, resolve };
}

const refused = { kind: 'unreachable', cause: { code: 'ERR_EGRESS_REFUSED', message: expect.stringContaining('KEYHOLD_EGRESS_ALLOW_HOSTS') } };

describe('where keys are sent (S33)', () => {
  it.each([
    ['loopback', '127.0.0.1'],
    ['a private network', '10.0.0.5'],
    ['a metadata service', '169.254.169.254'],
    ['carriers\' NAT', '100.64.0.1'],
    ['6to4', '2002:a00:1::1'],
    ['NAT64', '64:ff9b::a00:1'],
    ['site-local', 'fec0::1'],
    ['mapped', '::ffff:127.0.0.1'],
  ])('GHSA-w98g-5w9p-p3rc: not to a provider\'s name that leads to %s', async (_what, address) => {
    expect(await send(new Egress({ allowHosts: [], resolve: resolving(address).resolve }), 'api.provider.example')).toMatchObject(refused);
    expect(asked).toBe(0);
  });

  it('Portkey#1587: to a host of a private network that an operator allows', async () => {
    expect(await send(new Egress({ allowHosts: ['api.provider.example'], resolve: resolving('127.0.0.1').resolve }), 'api.provider.example')).toBe('reached');
  });

  it('CVE-2025-66405: a name that leads elsewhere a moment later is looked at once for a connection, and that is where it goes', async () => {
    const { looks, resolve } = resolving('127.0.0.1', '169.254.169.254');
    expect(await send(new Egress({ allowHosts: ['api.provider.example'], resolve }), 'api.provider.example')).toBe('reached');
    expect(looks.count).toBe(1);
    const rebinding = resolving('127.0.0.1');
    expect(await send(new Egress({ allowHosts: [], resolve: rebinding.resolve }), 'api.provider.example')).toMatchObject(refused);
    expect(rebinding.looks.count).toBe(1);
  });

  it('by https on its own port, in the whole catalogue', () => {
    const urls = allServices.flatMap(({ gateway }) => Object.values(gateway?.endpoints ?? {}).flatMap(({ baseUrl }) => (typeof baseUrl === 'string' ? [new URL(baseUrl)] : [])));
    expect(urls.length).toBeGreaterThan(5);
    for (const url of urls) expect([url.href, url.protocol, url.port, url.username, url.search, url.hash]).toEqual([url.href, 'https:', '', '', '', '']);
  });

  it('by the way out for the catalogue\'s names, and freely to what an operator set', async () => {
    const looked: string[] = [];
    const lookup: Egress['lookup'] = (host, _options, done) => {
      looked.push(host);
      done(Object.assign(new Error('Not in this test.'), { code: 'ERR_EGRESS_REFUSED' }), '');
    };
    const upstreams = new Upstreams(new Catalog(allServices), new Map([['openai', `http://localhost:${port}`]]), { lookup, allows: () => true, wayOf: () => ({ lookup, proxyFor: () => undefined }), ...directly });
    const call = (service: string) =>
      new Promise<string>((resolve) => {
        const events = { head: () => undefined, data: () => undefined, ended: () => resolve('reached'), failed: ({ kind }: UpstreamFailure) => resolve(kind) };
        const upstream = upstreams.find(service, 'openai');
        upstream?.placeFor({ source: 'tenant', service: upstream.service, settings: {} }, 'acme').pool.send({ method: 'GET', path: '/', headers: [], body: null }, events);
      });
    expect(await call('openai')).toBe('reached');
    expect(await call('groq')).toBe('unreachable');
    expect(looked).toEqual(['api.groq.com']);
    upstreams.destroy();
  });
});
