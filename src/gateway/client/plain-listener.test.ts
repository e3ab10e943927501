import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createServer, type ServerLimits } from '../../http/server.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import { after } from '../../ports/soon.ts';
import type { ClientRequest, ClientResponse } from './client.ts';

type Serve = (request: ClientRequest, response: ClientResponse) => void;

const closing: (() => void)[] = [];
const eventually = (isSo: () => void): Promise<void> => vi.waitFor(isSo, { timeout: 30_000, interval: 10 });

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(serve: Serve, limits: Partial<ServerLimits> = {}) {
  const server = createServer({
    gateway: { owns: (target) => target.startsWith('/v1/'), handle: (request, response) => response.end(`node:http ${request.url ?? ''}`), serve },
    controlPlane: { handle: (_request, response) => response.end('control plane') },
    random: (count) => Buffer.alloc(count),
    limits: { checkMs: 20, ...limits },
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A client that only writes what it is told and keeps what comes. */
async function client(port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  closing.push(() => socket.destroy());
  const seen = { text: '', error: undefined as Error | undefined };
  socket.on('data', (bytes: Buffer) => (seen.text += bytes.toString('latin1')));
  socket.on('error', (error) => (seen.error = error));
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  await once(socket, 'connect');
  return { closed, socket, seen, has: (text: string) => eventually(() => expect(seen.text).toContain(text)) };
}

const post = (target: string, body: string, length = body.length) => `POST ${target} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${body}`;

const echo: Serve = (request, response) => {
  void after(request.body(() => undefined), (body) => {
    const text = `${request.target}=${body.toString('latin1')};`;
    response.head(200, ['content-length', String(text.length)], false);
    response.end(text);
  });
};

describe('plain connections', () => {
  it('answer one request after the other, in their order, however they arrive', async () => {
    const { port } = await listen(echo);
    const { socket, has } = await client(port);
    socket.write(post('/v1/a', 'one') + post('/v1/b', 'two'));
    socket.write(post('/v1/c', 'three').slice(0, -2));
    await sleep(20);
    socket.write('ee' + post('/v1/d', ''));
    await has('/v1/d=;');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 200 }), { minLength: 1, maxLength: 5 }), fc.array(fc.nat(400), { maxLength: 6 }), async (bodies, cuts) => {
        const one = await client(port);
        // Every other one with the head of the one before, but for its length.
        const bytes = Buffer.concat(bodies.map((body, at) => Buffer.from(post(`/v1/${at >> 1}`, Buffer.from(body).toString('latin1')), 'latin1')));
        let from = 0;
        for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
          one.socket.write(bytes.subarray(from, Math.max(from, cut)));
          from = Math.max(from, cut);
          await sleep(1);
        }
        await one.has(`/v1/${(bodies.length - 1) >> 1}=`);
        const answers = bodies.map((body, at) => `/v1/${at >> 1}=${Buffer.from(body).toString('latin1')};`);
        await eventually(() => expect(one.seen.text.split(/HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)+\r\n/).slice(1)).toEqual(answers));
        one.socket.destroy();
      }),
      { numRuns: 25 },
    );
  });

  it('go to node:http at the first request that is not plain, with every byte, and stay there', async () => {
    const { port } = await listen(echo);
    const { socket, seen, has } = await client(port);
    socket.write(`${post('/v1/a', 'one')}GET /api HTTP/1.1\r\nhost: a\r\n\r\n${post('/v1/b', 'two')}`);
    await has('node:http /v1/b');
    expect(seen.text).toMatch(/^HTTP\/1\.1 200 OK[^]*\/v1\/a=one;HTTP\/1\.1 200 OK[^]*control plane[^]*node:http \/v1\/b/);
    const other = await client(port);
    other.socket.write('POST /v1/x HTT');
    await sleep(20);
    other.socket.write('P/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
    await other.has('node:http /v1/x');
    const large = await client(port);
    large.socket.write(post('/v1/large', 'x', 2 * 1024 * 1024));
    await large.has('node:http /v1/large');
  });

  it('S34 read nothing of a body before it is wanted', async () => {
    let wanted: (() => void) | undefined;
    const { server, port } = await listen((request, response) => {
      wanted = () => echo(request, response);
    });
    let theirs: Socket | undefined;
    server.on('connection', (socket: Socket) => (theirs = socket));
    const { socket, has } = await client(port);
    const body = 'b'.repeat(1024 * 1024);
    socket.write(post('/v1/a', body));
    await eventually(() => expect(wanted).toBeDefined());
    await sleep(50);
    expect(theirs?.bytesRead).toBeLessThan(200_000);
    wanted?.();
    await has(`${body};`);
  });

  it('let a refused body go by, and take the next request', async () => {
    const { port } = await listen((request, response) => {
      if (request.target === '/v1/next') {
        echo(request, response);
        return;
      }
      response.head(413, ['content-length', '2'], false);
      response.end('no');
      request.discardRest();
    });
    const { socket, has } = await client(port);
    const text = post('/v1/refused', 'b'.repeat(300_000));
    socket.write(text.slice(0, 1_000));
    await has('413');
    socket.write(text.slice(1_000) + post('/v1/next', 'x'));
    await has('/v1/next=x;');
  });

  it('tell who serves when the client leaves, before its body has come and after', async () => {
    const told: string[] = [];
    const { port } = await listen((request, response) => {
      response.onClosed(() => told.push(`closed ${String(response.gone)}`));
      Promise.resolve(request.body(() => undefined)).catch((error: unknown) => told.push(asKeyholdError(error).code));
    });
    const early = await client(port);
    early.socket.write(post('/v1/a', 'half', 10));
    await sleep(20);
    early.socket.destroy();
    await eventually(() => expect(told.toSorted()).toEqual(['canceled', 'closed true']));
    const late = await client(port);
    late.socket.write(post('/v1/a', 'all'));
    await sleep(20);
    late.socket.end();
    await eventually(() => expect(told.toSorted()).toEqual(['canceled', 'closed true', 'closed true']));
  });

  it('S34 end when a body does not arrive in time, with an answer where somebody waits', async () => {
    const { port } = await listen(
      (request, response) => {
        if (request.target === '/v1/unread') return;
        Promise.resolve(request.body(() => undefined)).catch((error: unknown) => {
          const text = asKeyholdError(error).publicMessage;
          response.head(400, ['content-length', String(text.length)], false);
          response.end(text);
        });
      },
      { requestMs: 60, headMs: 50 },
    );
    const waiting = await client(port);
    waiting.socket.write(post('/v1/a', 'half', 10));
    await waiting.closed;
    expect(waiting.seen.text).toContain('did not arrive in time');
    const unread = await client(port);
    unread.socket.write(post('/v1/unread', 'half', 10));
    await unread.closed;
    expect(unread.seen.text).toBe('');
  });

  it('S34 whose head drips go to node:http, which says what is wrong', async () => {
    const { port } = await listen(echo, { headMs: 60, requestMs: 60 });
    const { socket, seen, closed } = await client(port);
    socket.write('POST /v1/a HTTP/1.1\r\nhost: a\r\n');
    await closed;
    expect(seen.text).toMatch(/^HTTP\/1\.1 4\d\d [^]*did not arrive in time/);
  });

  it('S34 end when nothing is said for long, and are kept between requests', async () => {
    // Many times what is waited in between, since a busy machine makes that long.
    const { port } = await listen(echo, { idleMs: 2_000, headMs: 60 });
    const silent = await client(port);
    await silent.closed;
    const { closed, socket, has } = await client(port);
    socket.write(post('/v1/a', ''));
    await has('/v1/a');
    await sleep(90);
    socket.write(post('/v1/b', ''));
    await has('/v1/b');
    await closed;
  });

  it('S34 do not run ahead of a client that reads nothing', async () => {
    let served = 0;
    const { port } = await listen((_request, response) => {
      served += 1;
      response.head(200, ['content-length', '60000'], false);
      response.end('x'.repeat(60_000));
    });
    const { socket } = await client(port);
    socket.pause();
    socket.write(post('/v1/a', '').repeat(2_000));
    await sleep(300);
    const before = served;
    expect(before).toBeLessThan(400);
    socket.resume();
    await eventually(() => expect(served).toBe(2_000));
  });

  it('are closed by the server\'s own means: the idle ones, and all', async () => {
    const { server, port } = await listen((request, response) => {
      if (request.target === '/v1/a') echo(request, response);
    });
    const idle = await client(port);
    idle.socket.write(post('/v1/a', ''));
    await idle.has('/v1/a');
    const busy = await client(port);
    busy.socket.write(post('/v1/busy', ''));
    await sleep(20);
    server.closeIdleConnections();
    await idle.closed;
    expect(busy.socket.destroyed).toBe(false);
    server.closeAllConnections();
    await busy.closed;
  });
});

describe('answers on plain connections', () => {
  it('say how long they are, or come in chunks, byte for byte', async () => {
    let pieces: readonly (string | Buffer)[] = [];
    let length: number | undefined;
    const { port } = await listen((_request, response) => {
      response.head(200, length === undefined ? [] : ['content-length', String(length)], false);
      for (const piece of pieces.slice(0, -1)) response.write(piece);
      response.end(pieces.at(-1) ?? '');
    });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constantFrom(0, 1, 4_096, 4_097, 70_000).map((size) => new Uint8Array(size).fill(0xe9)));
    const piece = fc.tuple(bytes, fc.boolean()).map(([array, asText]) => (asText ? Buffer.from(array).toString('latin1') : Buffer.from(array)));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), fc.boolean(), async (given, announced) => {
        pieces = given;
        const whole = Buffer.concat(given.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)));
        length = announced ? whole.length : undefined;
        const answer = await fetch(`http://127.0.0.1:${port}/v1/x`, { method: 'POST', body: 'x' });
        expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), whole)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('have no body where there is none, and no header that ends its line', async () => {
    const { port } = await listen((request, response) => {
      if (request.target === '/v1/empty') {
        response.head(204, [], false);
        response.end('nobody reads this');
        return;
      }
      expect(() => response.head(200, ['x', 'a\r\nset-cookie: b'], false)).toThrow('cannot be sent');
      expect(() => response.head(200, ['x: y', 'a'], false)).toThrow('cannot be sent');
      response.head(200, ['content-length', '0'], true);
      response.end('');
    });
    const { closed, socket, seen, has } = await client(port);
    socket.write(post('/v1/empty', '') + post('/v1/x', ''));
    await has('HTTP/1.1 200');
    expect(seen.text).toMatch(/^HTTP\/1\.1 204 No Content\r\n(?!.*content-length.*HTTP).*connection: keep-alive\r\nkeep-alive: timeout=75\r\ndate: [^\r\n]+ GMT\r\n\r\nHTTP\/1\.1 200 OK\r\n.*content-length: 0\r\nconnection: close\r\n/s);
    expect(seen.text.match(/\r\ncontent-security-policy: sandbox; default-src 'none'\r\nx-content-type-options: nosniff\r\ncross-origin-resource-policy: same-origin\r\n/g)).toHaveLength(2);
    await closed;
  });

  it('R5.2 break off behind some last words, so that nobody takes them for whole', async () => {
    const { port } = await listen((request, response) => {
      response.head(200, [], false);
      response.write('some');
      response.breakOff(request.target === '/v1/words' ? 'last é' : '');
    });
    const words = await client(port);
    words.socket.write(post('/v1/words', ''));
    await words.closed;
    expect(words.seen.text).toMatch(/\r\n\r\n4\r\nsome\r\n7\r\nlast \xc3\xa9\r\n$/);
    expect(words.seen.error).toMatchObject({ code: 'ECONNRESET' });
    const none = await client(port);
    none.socket.write(post('/v1/none', ''));
    await none.closed;
    expect(none.seen.text).not.toContain('0\r\n\r\n');
  });

  it('R0.4 carry the date, made anew each second', async () => {
    const { port } = await listen(echo);
    const date = async () => Date.parse((await fetch(`http://127.0.0.1:${port}/v1/x`, { method: 'POST', body: 'x' })).headers.get('date') ?? '');
    const first = await date();
    expect(Math.abs(first - Date.now())).toBeLessThan(2_000);
    await sleep(1_100);
    expect(await date()).toBeGreaterThan(first);
  });
});
