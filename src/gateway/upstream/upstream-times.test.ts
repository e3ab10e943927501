import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { UpstreamPool } from './upstream-pool.ts';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function poolOf(answer: (socket: Socket) => void, answerMs: number): Promise<UpstreamPool> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const pool = new UpstreamPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { connectMs: 5_000, answerMs, idleMs: 5_000 });
  closing.push(() => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return pool;
}

const request = { method: 'POST', path: '/v1/x', headers: [], body: Buffer.from('hello') };

describe('the time an upstream has', () => {
  it('S34 does not run while we read nothing ourselves, since our client is slow', async () => {
    const size = 8 * 1024 * 1024;
    const pool = await poolOf((socket) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${'x'.repeat(size)}`), 500);
    let length = 0;
    const end = await new Promise<string>((resolve) => {
      let paused = false;
      const connection = pool.send(request, {
        head: () => undefined,
        data: (bytes) => {
          length += bytes.length;
          if (paused) return;
          paused = true;
          connection.pause();
          // Looked at each second.
          void sleep(2_500).then(() => connection.resume());
        },
        ended: () => resolve('whole'),
        failed: ({ kind }) => resolve(kind),
      });
    });
    expect({ end, length }).toEqual({ end: 'whole', length: size });
  });

  it('S34 is not prolonged by hints before the answer, or by half a head', async () => {
    for (const drop of ['HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n', 'x']) {
      const pool = await poolOf((socket) => {
        const timer = setInterval(() => void socket.write(drop), 50);
        socket.once('close', () => clearInterval(timer));
      }, 300);
      const end = await new Promise<string>((resolve) => {
        pool.send(request, { head: () => resolve('head'), data: () => undefined, ended: () => resolve('ended'), failed: ({ kind }) => resolve(kind) });
      });
      expect(end).toBe('answer_timeout');
    }
  });
});
