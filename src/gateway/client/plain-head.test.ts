import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainHeads } from './plain-head.ts';

const read = (text: string) => new PlainHeads().read(text);
const post = 'POST /v1/chat/completions HTTP/1.1\r\n';
const length = 'content-length: 5\r\n';
const host = 'host: a\r\n';

describe('PlainHeads', () => {
  it('reads a head that leaves no question open', () => {
    expect(read(`${post}Host: a:8080\r\nAuthorization:\tBearer x \r\nContent-Length: 12\r\nconnection: Keep-Alive\r\nx-empty:\r\nX-Request-Id: abc\r\n`)).toEqual({
      method: 'POST',
      target: '/v1/chat/completions',
      rawHeaders: ['Host', 'a:8080', 'Authorization', 'Bearer x', 'Content-Length', '12', 'connection', 'Keep-Alive', 'x-empty', '', 'X-Request-Id', 'abc'],
      headers: { 'content-length': '12', 'x-request-id': 'abc' },
      length: 12,
      lengthAt: 92,
    });
    expect(read(`GET /v1/models HTTP/1.1\r\n${host}`)).toMatchObject({ method: 'GET', target: '/v1/models', length: 0 });
    expect(read(`${post}${host}content-length: 0\r\nx: ä\xff\r\n`.replace('ä', '\xe4'))).toMatchObject({ length: 0 });
  });

  it.each([
    ['another method', `PUT /v1 HTTP/1.1\r\n${host}${length}`],
    ['a method in another spelling', `post /v1 HTTP/1.1\r\n${host}${length}`],
    ['HTTP/1.0', `POST /v1 HTTP/1.0\r\n${host}${length}`],
    ['a host in the target', `POST http://a/v1 HTTP/1.1\r\n${host}${length}`],
    ['two spaces', `POST  /v1 HTTP/1.1\r\n${host}${length}`],
    ['a character outside ASCII in the target', `POST /v1/\xe4 HTTP/1.1\r\n${host}${length}`],
    ['no host', `${post}${length}`],
    ['an empty host', `${post}host:\r\n${length}`],
    ['two hosts', `${post}${host}Host: b\r\n${length}`],
    ['no length', `${post}${host}`],
    ['two lengths', `${post}${host}${length}${length}`],
    ['two lengths in other spellings', `${post}${host}${length}Content-Length: 5\r\n`],
    ['a list of lengths', `${post}${host}content-length: 5, 5\r\n`],
    ['a signed length', `${post}${host}content-length: +5\r\n`],
    ['a length in hex', `${post}${host}content-length: 0x5\r\n`],
    ['a length with a leading zero', `${post}${host}content-length: 05\r\n`],
    ['a huge length', `${post}${host}content-length: 999999999999\r\n`],
    ['a length of a GET', `GET /v1 HTTP/1.1\r\n${host}${length}`],
    ['a transfer coding', `${post}${host}${length}Transfer-Encoding: chunked\r\n`],
    ['a transfer coding behind white space', `${post}${host}${length}Transfer-Encoding : chunked\r\n`],
    ['a transfer coding behind a tab', `${post}${host}${length}\tTransfer-Encoding: chunked\r\n`],
    ['an expectation', `${post}${host}${length}Expect: 100-continue\r\n`],
    ['an upgrade', `${post}${host}${length}Upgrade: websocket\r\n`],
    ['a connection that closes', `${post}${host}${length}Connection: close\r\n`],
    ['a connection header that names others', `${post}${host}${length}Connection: keep-alive, authorization\r\n`],
    ['a folded line', `${post}${host}${length}x: a\r\n b\r\n`],
    ['a bare LF', `${post}${host}x: a\n${length}`],
    ['a bare LF as the end of a line', `POST /v1 HTTP/1.1\n${host}${length}`],
    ['a bare CR', `${post}${host}x: a\rb\r\n${length}`],
    ['a NUL', `${post}${host}x: a\0b\r\n${length}`],
    ['a control character', `${post}${host}x: a\x01\r\n${length}`],
    ['a name that is no token', `${post}${host}x y: a\r\n${length}`],
    ['no name', `${post}${host}: a\r\n${length}`],
    ['a line without a colon', `${post}${host}x\r\n${length}`],
    ['a header of ours twice', `${post}${host}${length}x-keyhold-api-key: a\r\nX-Keyhold-Api-Key: b\r\n`],
    ['a content type twice', `${post}${host}${length}content-type: a\r\ncontent-type: b\r\n`],
  ])('leaves %s to a complete parser', (_what, text) => {
    expect(read(text)).toBeUndefined();
  });

  it('understands what it takes as node:http does', async () => {
    const token = fc.constantFrom('host', 'Host', 'content-length', 'Content-Length', 'transfer-encoding', 'x', 'X-Request-Id', 'authorization', 'connection', 'content-type', 'x_y', 'x y', '');
    const value = fc.oneof(fc.constantFrom('a', '5', '3', 'keep-alive', 'chunked', 'Bearer k', ' 5 ', '\t5', '5\t', 'a\r\n b', 'a\nb', 'é', '', '"q"'), fc.string({ maxLength: 6 }));
    const odd = fc.tuple(token, fc.constantFrom(':', ': ', ' :', ':\t', ''), value, fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n')).map((parts) => parts.join(''));
    const even = fc.tuple(fc.constantFrom('x', 'X-Other', 'authorization', 'x_y'), fc.constantFrom(':', ': ', ':\t'), fc.constantFrom('a', 'Bearer k', ' 5 ', '', '"q"', '\xe9')).map((parts) => `${parts.join('')}\r\n`);
    const line = fc.oneof({ weight: 3, arbitrary: even }, { weight: 1, arbitrary: odd });
    const start = fc.constantFrom(post, post, post, `GET /v1/models?x=1 HTTP/1.1\r\n`, 'POST /v1\r\n', 'POST /a b HTTP/1.1\r\n');
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(start, fc.constantFrom(host, host, host, ''), fc.array(line, { maxLength: 5 }), fc.constantFrom(length, length, length, ''), async (first, named, lines, announced) => {
        const text = Buffer.from(first + named + lines.join('') + announced, 'latin1').toString('latin1');
        const head = read(text);
        if (head === undefined) return;
        taken += 1;
        const seen = await throughNode(`${text}\r\n${'b'.repeat(head.length)}`);
        expect({ method: head.method, target: head.target, rawHeaders: head.rawHeaders, body: 'b'.repeat(head.length) }).toEqual(seen);
      }),
      { numRuns: 1_500 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('S5 does not keep a key in what it remembers of names', () => {
    const heads = new PlainHeads();
    for (let at = 0; at < 2_000; at += 1) expect(heads.read(`${post}${host}${length}x-made-up-${at}: sk-test-secret\r\n`)).toBeDefined();
    expect(heads.read(`${post}${host}${length}x-made-up-1999: b\r\n`)?.rawHeaders.slice(-2)).toEqual(['x-made-up-1999', 'b']);
  });
});

/** What node:http makes of these bytes as one request. */
async function throughNode(bytes: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const server = createServer({ requireHostHeader: false }, (request: IncomingMessage) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (piece: string) => (body += piece));
    request.on('end', () => resolve({ method: request.method, target: request.url, rawHeaders: request.rawHeaders, body }));
  });
  server.on('clientError', reject);
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, written) => written() });
  server.emit('connection', socket);
  socket.push(Buffer.from(bytes, 'latin1'));
  const late = setTimeout(() => reject(new Error('node:http waits for more.')), 5_000);
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}
