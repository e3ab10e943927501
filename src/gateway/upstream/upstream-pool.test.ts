import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnswerHeads } from './answer-head.ts';
import { ChunkedBody } from './chunked-body.ts';
import type { UpstreamTimes } from './upstream-connection.ts';
import { UpstreamPool } from './upstream-pool.ts';

const eventually = (isSo: () => void): Promise<void> => vi.waitFor(isSo, { timeout: 30_000, interval: 10 });
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An upstream that plays a script on each connection: `answer` gets the connection's number and all that came on it. */
async function upstream(answer: (socket: Socket, connection: number, text: string) => void, times: Partial<UpstreamTimes> = {}) {
  let connections = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    connections += 1;
    const number = connections;
    let text = '';
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      answer(socket, number, text);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const pool = new UpstreamPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { connectMs: 5_000, answerMs: 5_000, idleMs: 5_000, ...times });
  closing.push(() => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { pool, sockets, connections: () => connections };
}

interface Outcome {
  readonly status: number;
  readonly body: string;
  readonly failed: string | undefined;
  readonly sent: boolean | undefined;
}

function ask(pool: UpstreamPool, request: { path?: string; headers?: readonly string[]; body?: Buffer | null } = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    let status = 0;
    let body = '';
    pool.send(
      { method: 'POST', path: '/v1/x', headers: [], body: Buffer.from('hello'), ...request },
      {
        head: (given) => (status = given),
        data: (bytes) => (body += bytes.toString('latin1')),
        ended: () => resolve({ status, body, failed: undefined, sent: undefined }),
        failed: ({ kind }, sent) => resolve({ status, body, failed: kind, sent }),
      },
    );
  });
}

const ok = (body: string, headers = '') => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`;

describe('UpstreamPool', () => {
  it('sends one request a connection at a time and uses connections again', async () => {
    const { pool, connections } = await upstream((socket, _number, text) => {
      if (text.endsWith('hello')) socket.write(ok(text.slice(-300)));
    });
    const first = await ask(pool, { headers: ['x', 'y'] });
    expect(first.body).toMatch(/^POST \/v1\/x HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\nx: y\r\ncontent-length: 5\r\n\r\nhello$/);
    await sleep(5);
    expect((await ask(pool)).status).toBe(200);
    expect(connections()).toBe(1);
    await sleep(5);
    await Promise.all([ask(pool), ask(pool), ask(pool)]);
    expect(connections()).toBe(3);
  });

  it.each([
    ['says that it closes', ok('a', 'connection: close\r\n')],
    ['is of HTTP/1.0', ok('a').replace('1.1', '1.0')],
    ['has bytes behind it', `${ok('a')}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother`],
    ['keeps it for less than a second', ok('a', 'keep-alive: timeout=1\r\n')],
  ])('uses no connection again whose answer %s', async (_what, answer) => {
    const { pool, connections } = await upstream((socket, _number, text) => {
      if (text.endsWith('hello')) socket.write(answer);
    });
    for (let at = 0; at < 3; at += 1) {
      expect(await ask(pool)).toMatchObject({ status: 200, body: 'a' });
      await sleep(5);
    }
    expect(connections()).toBe(3);
  });

  it('closes a connection on which something comes that nobody asked for: it is never the next answer', async () => {
    const { pool, sockets } = await upstream((socket, _number, text) => {
      if (text.endsWith('hello')) socket.write(ok('mine'));
    });
    await ask(pool);
    await sleep(10);
    sockets[0]?.write(ok('poison'));
    await eventually(() => expect(sockets[0]?.destroyed).toBe(true));
    expect((await ask(pool)).body).toBe('mine');
  });

  it('meets no closing connection where the upstream closes behind its answer', async () => {
    const { pool } = await upstream((socket, _number, text) => {
      if (text.endsWith('hello')) socket.end(ok('a'));
    });
    for (let at = 0; at < 200; at += 1) expect(await ask(pool)).toMatchObject({ status: 200, failed: undefined });
  });

  it('closes idle connections after their time, and what the upstream closes', async () => {
    const { pool, sockets, connections } = await upstream(
      (socket, _number, text) => {
        if (text.endsWith('hello')) socket.write(ok('a'));
      },
      { idleMs: 50 },
    );
    await ask(pool);
    await eventually(() => expect(sockets[0]?.destroyed).toBe(true));
    await ask(pool);
    expect(connections()).toBe(2);
  });

  it('tells apart what has been sent, and what never was', async () => {
    const { pool } = await upstream((socket) => void socket.destroy());
    expect(await ask(pool)).toMatchObject({ failed: 'closed', sent: true });
    expect(await ask(pool, { headers: ['x', 'a\r\nb: c'] })).toMatchObject({ failed: 'bad_request', sent: false });
    expect(await ask(pool, { path: '/v1 HTTP/1.1\r\nx: y' })).toMatchObject({ failed: 'bad_request', sent: false });
    const nobody = new UpstreamPool('http://127.0.0.1:1', { connectMs: 5_000, answerMs: 5_000, idleMs: 5_000 });
    closing.push(() => nobody.destroy());
    expect(await ask(nobody)).toMatchObject({ failed: 'unreachable', sent: false });
  });

  it('waits for an answer, and for each next piece of it, so long and no longer', async () => {
    const { pool } = await upstream(
      (socket, number) => {
        if (number === 2) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel');
      },
      { answerMs: 100 },
    );
    expect(await ask(pool)).toMatchObject({ status: 0, failed: 'answer_timeout', sent: true });
    expect(await ask(pool)).toMatchObject({ status: 200, body: 'hel', failed: 'answer_timeout' });
  });

  it('sends bodies of every size byte for byte', async () => {
    const { pool } = await upstream((socket, _number, text) => {
      const at = text.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1]);
      if (at > 3 && text.length === at + length) socket.end(ok(String(Buffer.from(text.slice(at), 'latin1').every((byte) => byte === 0xe9) && length)));
    });
    for (const size of [0, 1, 65_536, 65_537, 3_000_000]) expect((await ask(pool, { body: Buffer.alloc(size, 0xe9) })).body).toBe(size === 0 ? '0' : String(size));
  });
});

describe('AnswerHeads', () => {
  const read = (text: string) => new AnswerHeads().read(text);

  it('reads a head', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Type: a\r\nX-A:b \r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5, max=100\r\n')).toEqual({
      status: 200,
      headers: ['content-type', 'a', 'x-a', 'b', 'transfer-encoding', 'chunked', 'keep-alive', 'timeout=5, max=100'],
      framing: { kind: 'chunks' },
      keep: true,
      keepMs: 5_000,
    });
    expect(read('HTTP/1.1 200\r\n')).toMatchObject({ framing: { kind: 'until-close' }, keep: false });
    expect(read('HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n')).toMatchObject({ framing: { kind: 'length', bytes: 0 } });
    expect(read('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n')).toMatchObject({ framing: { kind: 'length', bytes: 5 } });
  });

  it.each([
    ['no status', 'HTTP/1.1 OK\r\n'],
    ['another protocol', 'ICY 200 OK\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n'],
    ['a length and a coding', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n'],
    ['two codings', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n'],
    ['a signed length', 'HTTP/1.1 200 OK\r\ncontent-length: +5\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\n'],
    ['white space before a colon', 'HTTP/1.1 200 OK\r\ncontent-length : 5\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\r\nx: a\ny: b\r\n'],
    ['a bare CR', 'HTTP/1.1 200 OK\r\nx: a\ry: b\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nx: a\0\r\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ kind: 'bad_answer' }));
  });
});

describe('ChunkedBody', () => {
  /** What comes out, and how many of the bytes were used, when they arrive in these pieces. */
  function decode(bytes: Buffer, cuts: readonly number[]) {
    const body = new ChunkedBody();
    let out = '';
    let used = 0;
    let from = 0;
    for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
      const piece = Buffer.from(bytes.subarray(from, Math.max(from, cut)));
      used += body.feed(piece);
      out += piece.toString('latin1', 0, body.length);
      from = Math.max(from, cut);
    }
    return { out, used, over: body.over };
  }

  const bytesOf = (array: Uint8Array): string => Buffer.from(array).toString('latin1');
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }).map(bytesOf), { maxLength: 6 });
  const cuts = fc.array(fc.nat(400), { maxLength: 12 });

  it('gives the body, however it is cut, and leaves what follows', () => {
    fc.assert(
      fc.property(chunks, fc.constantFrom('', ';a=b', ' ; a="b"'), fc.constantFrom('', 'x: y\r\n'), fc.constantFrom('', 'HTTP/1.1 '), cuts, (parts, extension, trailer, behind, at) => {
        const coded = `${parts.map((part) => `${part.length.toString(16)}${extension}\r\n${part}\r\n`).join('')}0\r\n${trailer}\r\n`;
        expect(decode(Buffer.from(coded + behind, 'latin1'), at)).toEqual({ out: parts.join(''), used: coded.length, over: true });
      }),
    );
  });

  it('is over only at its end', () => {
    fc.assert(
      fc.property(chunks, cuts, fc.nat(1_000), (parts, at, end) => {
        const coded = `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`;
        const cut = coded.slice(0, end % coded.length);
        expect(decode(Buffer.from(cut, 'latin1'), at).over).toBe(false);
      }),
    );
  });

  it.each(['\r\n', 'x\r\n', '-1\r\na\r\n', '0x1\r\na\r\n', '1\na\r\n', '1\r\nab\r\n', '1\r\na\n0\r\n\r\n', '1 2\r\na\r\n', '0\r\nno trailer\r\n\r\n', 'fffffffffffff\r\n', `1;${'a'.repeat(5_000)}\r\n`, `0\r\n${'x: y\r\n'.repeat(5_000)}`])('refuses %j', (text) => {
    expect(() => decode(Buffer.from(text, 'latin1'), [])).toThrow(expect.objectContaining({ kind: 'bad_answer' }));
  });
});
