import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientAddresses } from '../gateway/client/client-address.ts';
import type { ClientRequest, ClientResponse } from '../gateway/client/client.ts';
import { createServer, type Listener, type ServerLimits } from './server.ts';

const servers: Listener[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Serve = (request: ClientRequest, response: ClientResponse) => void;

const name =
  (text: string): Handler =>
  (_request, response) => {
    response.end(text);
  };

const answer =
  (text: string): Serve =>
  (_request, response) => {
    response.head(200, ['content-length', String(text.length)], false);
    response.end(text);
  };

async function listen(handlers: { gateway?: Handler; plain?: Serve; controlPlane?: Handler; limits?: Partial<ServerLimits>; proxies?: readonly string[] } = {}): Promise<number> {
  const server = createServer({
    gateway: { owns: (target) => /^\/v1(?:[/?]|$)/.test(target), handle: handlers.gateway ?? name('gateway'), serve: handlers.plain ?? answer('gateway') },
    controlPlane: { handle: handlers.controlPlane ?? name('control plane') },
    ...(handlers.proxies === undefined ? {} : { clientAddresses: new ClientAddresses(handlers.proxies) }),
    random: randomBytes,
    ...(handlers.limits === undefined ? {} : { limits: handlers.limits }),
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Everything that comes back until the server closes the connection. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.write(text);
  // Not `once`: that rejects for a connection that is reset.
  await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  return answer;
}

const readAll: Handler = (request, response) => {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  request.on('end', () => response.end(`read ${size}`));
};

describe('createServer', () => {
  it('R0.1 gives each half its paths on one port, whatever the query says', async () => {
    const port = await listen();
    const at = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    expect(await at('/v1/models')).toBe('gateway');
    expect(await at('/v1?x=/api')).toBe('gateway');
    expect(await at('/api/v1/me?x=/v1/')).toBe('control plane');
    expect(await at('/v10')).toBe('control plane');
  });

  it('R0.3 answers what is not HTTP in the shape of every error', async () => {
    const port = await listen();
    const answer = await talk(port, 'NONSENSE\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('x-keyhold-error-origin: keyhold');
    expect(answer).toContain('"code":"invalid_argument"');
  });

  it('S34 bounds the head of a request', async () => {
    const port = await listen();
    const answer = await talk(port, `GET / HTTP/1.1\r\nHost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('headers of the request are too large');
  });

  it('S34 does not wait for a head that drips, nor for a connection that says nothing', async () => {
    const port = await listen({ limits: { headMs: 100, requestMs: 200, checkMs: 50 } });
    expect(await talk(port, 'GET / HTTP/1.1\r\nHost:')).toContain('did not arrive in time');
    expect(await talk(port, '')).toBe('');
  });

  it('S34 does not wait for a body that drips', async () => {
    const port = await listen({ controlPlane: readAll, limits: { headMs: 100, requestMs: 200, checkMs: 50 } });
    expect(await talk(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')).toContain('did not arrive in time');
  });

  it('S34 asks for a body only when somebody reads it', async () => {
    const port = await listen({ gateway: readAll });
    const refused = await talk(port, 'POST /api HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect(refused).toMatch(/^HTTP\/1\.1 200 /);
    expect(refused).toMatch(/connection: close/i);
    const read = await talk(port, 'POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello');
    expect(read).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
    expect(read).toContain('read 5');
  });

  it('R0.3 refuses any other expectation, and CONNECT', async () => {
    const port = await listen();
    expect(await talk(port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n')).toContain('"code":"invalid_argument"');
    expect(await talk(port, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n')).toBe('');
  });

  it('R0.3 refuses a request without a host in the shape of every error', async () => {
    const port = await listen();
    expect(await talk(port, 'GET /v1/models HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*"code":"invalid_argument"/);
    expect(await talk(port, 'GET /v1/models HTTP/1.0\r\n\r\n')).toContain('gateway');
  });

  it.each([
    ['HTTP/0.9', 'GET /v1/models\r\n\r\n'],
    ['HTTP/2.0', 'GET /v1/models HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['a coding in HTTP/1.0', 'POST /api HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('R0.3 S34 refuses %s, and serves nothing behind a refusal', async (_what, bytes) => {
    const answer = await talk(await listen(), `${bytes}GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":"invalid_argument"/);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  });

  it.each([
    ['an answer that is the last', (response: ServerResponse) => void (response.shouldKeepAlive = false), () => undefined],
    ['the answer of a listener that retires', () => undefined, (server: Listener) => void server.retire()],
  ] as const)('S34 serves nothing behind %s: nobody gets its answer', async (_what, prepare, meanwhile) => {
    const served: (string | undefined)[] = [];
    const port = await listen({
      controlPlane: (request, response) => {
        served.push(request.url);
        prepare(response);
        response.end('answer');
      },
    });
    const socket = connect(port, '127.0.0.1');
    let got = '';
    socket.on('data', (bytes: Buffer) => (got += bytes.toString())).on('error', () => undefined);
    await once(socket, 'connect');
    meanwhile(servers.at(-1)!);
    const closed = once(socket, 'close');
    socket.write(['/one', '/two', '/three'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await closed;
    expect(served).toEqual(['/one']);
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:(?!HTTP\/1).)*connection: close(?:(?!HTTP\/1).)*$/is);
  });

  it('ignores an upgrade', async () => {
    const port = await listen();
    const answer = await talk(port, 'GET /api HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('control plane');
  });

  it('S22 hides no header, however many there are', async () => {
    let count = 0;
    const port = await listen({
      controlPlane: (request, response) => {
        count = request.rawHeaders.length / 2;
        response.end();
      },
    });
    await talk(port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'a:b\r\n'.repeat(248)}\r\n`);
    expect(count).toBe(250);
  });

  it('S34 refuses more header lines than any client needs, on either half, instead of dropping some', async () => {
    const port = await listen();
    const bomb = 'a:b\r\n'.repeat(250);
    for (const line of ['GET /', 'GET /v1/models', 'POST /v1/x']) {
      const answer = await talk(port, `${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${bomb}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*more than 250 header lines/);
    }
  });

  it('S34 lets no address have all connections, but for proxies that are trusted', async () => {
    const whole = async (proxies?: readonly string[]) => {
      const port = await listen({ limits: { connectionsFromOne: 2 }, ...(proxies === undefined ? {} : { proxies }) });
      const silent = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
      await Promise.all(silent.map((socket) => once(socket, 'connect')));
      const third = await talk(port, 'GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      silent[0]?.destroy();
      await expect.poll(() => talk(port, 'GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), { timeout: 30_000 }).toContain('gateway');
      silent[1]?.destroy();
      return third;
    };
    expect(await whole(undefined)).toBe('');
    expect(await whole(['127.0.0.1'])).toContain('gateway');
  });
});
