import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectProxy, startConnectProxy } from '../../test/support/servers/connect-proxy.ts';
import { freePort } from '../../test/support/servers/free-port.ts';
import { TestAuthority } from '../../test/support/servers/test-authority.ts';
import { createHttpWitness } from '../adapters/audit-witness/http-witness.ts';
import { ProviderAnswers } from '../adapters/oidc/provider-answers.ts';
import { UpstreamPool } from '../gateway/upstream/upstream-pool.ts';
import type { UpstreamFailure } from '../gateway/upstream/upstream-failure.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { Egress } from './egress.ts';
import { Proxies, type Proxy } from './proxies.ts';
import { WayAgent } from './way-agent.ts';

const HOST = 'api.provider.example';
const PASSWORD = 'not-a-real-password';
const authority = new TestAuthority('CA of the test upstream');
const pair = authority.issue({ purpose: 'server', name: HOST, dnsNames: [HOST, 'localhost'], addresses: [[127, 0, 0, 1]] });
const trusted = getCACertificates('default');
/** Sends as many pieces as the address says, one after the other. */
const upstream = createServer(pair, (request, response) => {
  const count = Number(request.url?.slice(1) ?? 1);
  response.writeHead(200, { 'content-type': 'application/json' });
  void (async () => {
    for (let at = 0; at < count; at += 1) {
      response.write(`{"at":${at}}`);
      await sleep(1);
    }
    response.end();
  })();
});
let proxy: ConnectProxy;
const pools: UpstreamPool[] = [];

beforeAll(async () => {
  setDefaultCACertificates([...trusted, authority.ca]);
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
});
beforeEach(async () => {
  proxy = await startConnectProxy();
  proxy.target = (upstream.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const pool of pools.splice(0)) pool.destroy();
  await proxy.close();
});
afterAll(() => {
  setDefaultCACertificates(trusted);
  upstream.closeAllConnections();
  upstream.close();
});

const through = (change: Partial<Proxy> = {}): Proxy => ({ host: '127.0.0.1', port: proxy.port, secure: false, authorization: null, ...change });

function egress({ direct = [], allowHosts = [HOST], ...change }: Partial<Proxy> & { direct?: readonly string[]; allowHosts?: readonly string[] } = {}): Egress {
  const way = through(change);
  return new Egress({
    allowHosts: [],
    resolve: async () => [{ address: '10.0.0.5', family: 4 }],
    proxies: new Proxies({ https: way, http: way, direct, allowHosts }),
  });
}

const basic = (text: string) => new SecretValue(`Basic ${Buffer.from(text).toString('base64')}`);

function ask(way: Egress | Proxies, { host = HOST, pieces = 1, connectMs = 20_000 } = {}): Promise<{ readonly text: string; readonly failure?: UpstreamFailure; readonly sent?: boolean }> {
  const pool = new UpstreamPool(`https://${host}`, { connectMs, answerMs: 20_000, idleMs: 5_000 }, { way });
  pools.push(pool);
  return askPool(pool, pieces);
}

function askPool(pool: UpstreamPool, pieces: number): Promise<{ readonly text: string; readonly failure?: UpstreamFailure; readonly sent?: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    pool.send(
      { method: 'GET', path: `/${pieces}`, headers: ['authorization', 'Bearer sk-test-key'], body: null },
      { head: () => undefined, data: (bytes) => (text += bytes.toString()), ended: () => resolve({ text }), failed: (failure, sent) => resolve({ text, failure, sent }) },
    );
  });
}

describe('through a proxy (S33)', () => {
  it('streams pass, over connections that are used again, and the proxy sees nothing of them', async () => {
    const pool = new UpstreamPool(`https://${HOST}`, { connectMs: 20_000, answerMs: 20_000, idleMs: 5_000 }, { way: egress() });
    pools.push(pool);
    const whole = Array.from({ length: 50 }, (_, at) => `{"at":${at}}`).join('');
    for (let call = 0; call < 3; call += 1) {
      expect((await askPool(pool, 50)).text).toBe(whole);
      await sleep(10);
    }
    expect(proxy.asked).toEqual([`${HOST}:443`]);
    expect(proxy.carried()).not.toContain('sk-test-key');
  });

  it('every other way goes it, too: keys of identity providers, a witness, what the official libraries send', async () => {
    const answers = new ProviderAnswers(egress());
    expect(await answers.read(`https://${HOST}/1`)).toEqual({ at: 0 });
    await answers.close();
    await expect(createHttpWitness(`https://${HOST}`, egress({ allowHosts: [] }).toNamed).addCheckpoint({ oldSize: 0, proof: [], checkpoint: 'x' })).resolves.toMatchObject({ state: 'cosigned' });
    const agent = new WayAgent(egress(), { keepAlive: true });
    const status = await new Promise((resolve, reject) => {
      get({ host: HOST, path: '/1', agent }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    agent.destroy();
    expect([status, proxy.asked]).toEqual([200, [`${HOST}:443`, `${HOST}:443`, `${HOST}:443`]]);
  });

  it('a proxy that is spoken to by TLS, and wants to know who we are', async () => {
    const secure = await startConnectProxy(pair);
    secure.target = proxy.target;
    secure.wants = `keyhold:${PASSWORD}`;
    expect((await ask(egress({ port: secure.port, secure: true, authorization: basic(`keyhold:${PASSWORD}`) }))).text).toBe('{"at":0}');
    await secure.close();
  });

  it.each([
    ['that does not know us', () => void (proxy.wants = 'somebody:else'), 'who we are'],
    ['that refuses', () => void (proxy.instead = (_request, client) => client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')), 'status 403'],
    ['that is none', () => void (proxy.instead = (_request, client) => client.end('SSH-2.0-x\r\n\r\n')), 'not as a proxy does'],
    ['that answers in the host\'s place', () => void (proxy.instead = (_request, client) => client.write('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')), 'not as a proxy does'],
    ['that talks without end', () => void (proxy.instead = (_request, client) => client.write(`HTTP/1.1 200 ${'x'.repeat(20_000)}`)), 'not as a proxy does'],
    ['that leaves', () => void (proxy.instead = (_request, client) => client.end()), 'closed the connection'],
  ])('a proxy %s is told in the log, and nothing is sent', async (_what, prepare, message) => {
    prepare();
    const { failure, sent } = await ask(egress({ authorization: basic(`keyhold:${PASSWORD}`) }));
    expect([failure?.kind, sent]).toEqual(['unreachable', false]);
    const told = inspect(failure, { depth: 10 });
    expect(told).toContain(message);
    expect(told).not.toMatch(new RegExp(`${PASSWORD}|${basic(`keyhold:${PASSWORD}`).reveal()}`));
    await expect(new ProviderAnswers(egress()).read(`https://${HOST}/1`)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a proxy that is away, or silent, does not hold requests', async () => {
    const port = await freePort();
    expect((await ask(egress({ port }))).failure?.kind).toBe('unreachable');
    proxy.instead = () => undefined;
    expect((await ask(egress(), { connectMs: 300 })).failure?.kind).toBe('connect_timeout');
    // And neither does a host that is silent behind it: what leads there is closed with the request.
    const closed = new Promise((resolve) => {
      proxy.instead = (_request, client) => void client.on('end', resolve).on('error', resolve).resume().write('HTTP/1.1 200 OK\r\n\r\n');
    });
    expect((await ask(egress(), { connectMs: 300 })).failure?.kind).toBe('connect_timeout');
    await closed;
  });

  it('a host that somebody stands in for is found out by its certificate, which the log says: proxies that look into TLS do this', async () => {
    const other = createServer(new TestAuthority('another').issue({ purpose: 'server', name: HOST, dnsNames: [HOST] }));
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    proxy.target = (other.address() as AddressInfo).port;
    const { failure, sent } = await ask(egress());
    expect([failure?.kind, sent, inspect(failure)]).toEqual(['unreachable', false, expect.stringContaining('certificate')]);
    other.close();
  });

  it('only listed hosts are reached, which the proxy looks up where nobody sees it; what the operator has named need not be listed', async () => {
    const unlisted = egress({ allowHosts: ['other.example'] });
    const { failure, sent } = await ask(unlisted);
    expect([failure?.kind, sent, inspect(failure)]).toEqual(['unreachable', false, expect.stringContaining('KEYHOLD_PROXY_ALLOW_HOSTS')]);
    expect(unlisted.allows(HOST)).toBe(false);
    await expect(unlisted.requireReachable('acme', HOST)).rejects.toMatchObject({ code: 'ERR_EGRESS_REFUSED' });
    // An address does not change on the way, so it is looked at all the same.
    expect((await ask(egress({ allowHosts: ['10.0.0.1'] }), { host: '10.0.0.1' })).failure?.kind).toBe('unreachable');
    expect(proxy.asked).toEqual([]);
    expect((await ask(unlisted.toNamed)).text).toBe('{"at":0}');
    expect(egress().allows(HOST)).toBe(true);
  });

  it('what is reached directly is looked at and pinned as ever', async () => {
    const { failure } = await ask(egress({ direct: ['provider.example'] }));
    expect(inspect(failure)).toContain('KEYHOLD_EGRESS_ALLOW_HOSTS');
    expect(proxy.asked).toEqual([]);
  });
});

describe('what NO_PROXY says', () => {
  const isDirect = (entry: string, host: string, port = 443) => new Proxies({ https: through(), http: null, direct: [entry], allowHosts: [] }).proxyFor({ secure: true, host, port }) === undefined;

  it.each([
    ['example.com', ['example.com', 'a.example.com'], ['badexample.com', 'example.com.evil']],
    ['.example.com', ['a.example.com'], ['example.com']],
    ['*.example.com', ['a.b.example.com'], ['example.com']],
    ['10.0.0.0/8', ['10.1.2.3'], ['11.0.0.1', '10.example.com']],
    ['192.0.2.7', ['192.0.2.7'], ['192.0.2.70']],
    ['fd00::/8', ['fd00::1'], ['fe00::1']],
    ['[2001:db8::1]', ['2001:db8::1'], ['2001:db8::2']],
    ['*', ['anything.example'], []],
  ])('%s', (entry, direct, proxied) => {
    for (const host of direct) expect([host, isDirect(entry, host)]).toEqual([host, true]);
    for (const host of proxied) expect([host, isDirect(entry, host)]).toEqual([host, false]);
  });

  it('counts ports, and spares this machine whatever it says', () => {
    expect([isDirect('a.example:8200', 'a.example', 8200), isDirect('a.example:8200', 'a.example')]).toEqual([true, false]);
    for (const host of ['localhost', '127.0.0.1', '::1']) expect(isDirect('x.example', host)).toBe(true);
  });
});
