import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createServer } from '../../http/server.ts';
import { after } from '../../ports/soon.ts';
import type { ClientRequest, ClientResponse } from './client.ts';

const closing: (() => void)[] = [];
let port = 0;
let served = 0;
/** Of an answer of the gateway, whichever way the request came. */
const answerText = 'answered';
let last = false;

beforeEach(async () => {
  served = 0;
  last = false;
  const serve = (request: ClientRequest, response: ClientResponse): void => {
    served += 1;
    Promise.resolve(
      after(request.body(() => undefined), () => {
        response.head(200, ['content-length', String(answerText.length)], last);
        response.end(answerText);
      }),
    ).catch(() => response.destroy());
  };
  const server = createServer({
    gateway: {
      owns: (target) => target.startsWith('/v1/'),
      handle: (request, response) => {
        served += 1;
        request.resume().once('end', () => response.end(answerText));
      },
      serve,
    },
    controlPlane: { handle: (_request, response) => void response.end('control') },
    random: (count) => Buffer.alloc(count),
    limits: { checkMs: 20, headMs: 200, requestMs: 200, idleMs: 200 },
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Everything that comes back, until the server closes. */
function exchange(pieces: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(text));
    socket.once('connect', () => {
      for (const piece of pieces) socket.write(piece, 'latin1');
    });
  });
}

/** Cuts what came into answers; undefined where it is not answers from the first byte to the last. */
function answersIn(text: string): string[] | undefined {
  const bodies: string[] = [];
  let rest = text;
  while (rest !== '') {
    const head = /^HTTP\/1\.1 [2-5]\d\d [^\r\n]*\r\n(?:[!#$%&'*+\-.^_`|~\w]+: ?[^\r\n]*\r\n)*\r\n/.exec(rest)?.[0];
    if (head === undefined) return undefined;
    rest = rest.slice(head.length);
    // To a client of HTTP/1.0 an answer may end with its connection.
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? (/\r\nconnection: close\r\n/i.test(head) ? String(rest.length) : undefined);
    if (length === undefined || Number(length) > rest.length) return undefined;
    bodies.push(rest.slice(0, Number(length)));
    rest = rest.slice(Number(length));
  }
  return bodies;
}

const line = fc.constantFrom(
  'host: a\r\n',
  'host: b\r\n',
  'content-length: 5\r\n',
  'content-length: 3\r\n',
  'Content-Length: 5\r\n',
  'content-length: 5, 5\r\n',
  'content-length: +5\r\n',
  'content-length : 5\r\n',
  'content-length:\t5 \r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: xchunked\r\n',
  'transfer-encoding: identity, chunked\r\n',
  'transfer-encoding\t: chunked\r\n',
  'x: a\r\n b\r\n',
  'x: a\ny: b\r\n',
  'x: a\ry: b\r\n',
  'x: \0\r\n',
  ': x\r\n',
  'connection: close\r\n',
  'connection: keep-alive\r\n',
  'expect: 100-continue\r\n',
  'upgrade: h2c\r\n',
  '\r\n',
  '\n',
  '\r',
);
const start = fc.constantFrom('POST /v1/x HTTP/1.1\r\n', 'GET /v1/x HTTP/1.1\r\n', 'POST /api HTTP/1.1\r\n', 'POST /v1/x HTTP/1.0\r\n', 'POST /v1/x  HTTP/1.1\r\n', 'POST /v1/x HTTP/1.1\n', 'post /v1/x HTTP/1.1\r\n', 'POST http://a/v1/x HTTP/1.1\r\n');
const body = fc.constantFrom('hello', '', '5\r\nhello\r\n0\r\n\r\n', '5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n', '5\nhello\n0\n\n', '0\r\n\r\nGET /v1/y HTTP/1.1\r\nhost: a\r\n\r\n', '\0\xff\r\n', 'GET /v1/y HTTP/1.1\r\nhost: a\r\n\r\n');
const message = fc.tuple(start, fc.array(line, { maxLength: 5 }), body).map(([first, lines, rest]) => `${first}host: a\r\n${lines.join('')}\r\n${rest}`);
const sent = fc.array(fc.oneof({ weight: 6, arbitrary: message }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')) }), { minLength: 1, maxLength: 4 });

describe('bytes of any kind on the listening port', () => {
  it('R0.3 S34 get well-formed answers, at most one to a request, and the next client is served', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { minLength: 10, maxLength: 10 }), async (clients) => {
        served = 0;
        const came = await Promise.all(clients.map((pieces) => exchange(pieces)));
        let answered = 0;
        for (const [at, text] of came.entries()) {
          const answers = answersIn(text.replaceAll('HTTP/1.1 100 Continue\r\n\r\n', ''));
          expect(answers, `${JSON.stringify(clients[at])} got ${JSON.stringify(text)}`).toBeDefined();
          answered += (answers ?? []).filter((one) => one === answerText).length;
        }
        expect(answered).toBeLessThanOrEqual(served);
        expect(await exchange(['POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi'])).toContain(answerText);
      }),
      { numRuns: 15, interruptAfterTimeLimit: 15_000 },
    );
  });

  it('S34 serve nothing behind an answer that was said to be the last', async () => {
    last = true;
    const one = 'POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';
    const text = await exchange([one + one, one, one]);
    expect(answersIn(text)).toEqual([answerText]);
    expect(text).toContain('connection: close\r\n');
    expect(served).toBe(1);
  });

  it('R0.4 say how long a connection is kept, as node:http does', async () => {
    const text = await exchange(['POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi']);
    expect(text).toMatch(/\r\nconnection: keep-alive\r\nkeep-alive: timeout=0\r\n/);
    await vi.waitFor(() => expect(served).toBe(1));
  });
});

describe('a refused body behind a last answer', () => {
  it('S34 goes by, and what follows it is not served', async () => {
    const told: string[] = [];
    const server = createServer({
      gateway: {
        owns: () => true,
        handle: (_request, response) => void response.end(),
        serve: (request, response) => {
          told.push(request.target);
          response.head(413, ['content-length', '2'], true);
          response.end('no');
          request.discardRest();
        },
      },
      controlPlane: { handle: (_request, response) => void response.end() },
      random: (count) => Buffer.alloc(count),
      limits: { checkMs: 20, headMs: 300 },
    });
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1'))).on('error', () => undefined);
    const closed = once(socket, 'close');
    socket.write('POST /v1/first HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
    await vi.waitFor(() => expect(text).toContain('no'), { timeout: 30_000 });
    socket.write('halves');
    socket.write('POST /v1/second HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    socket.resume();
    await vi.waitFor(() => expect(socket.destroyed || socket.readableEnded).toBe(true), { timeout: 30_000 });
    setTimeout(() => socket.destroy(), 200);
    await closed;
    expect(told).toEqual(['/v1/first']);
  });
});
