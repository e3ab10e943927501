import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { createServer } from '../http/server.ts';
import { eventually, startGateway } from '../../test/support/gateway-fixture.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Conduct = 'length' | 'chunks' | 'hints' | 'early' | 'extra' | 'cut' | 'reset' | 'silent' | 'closes';

/** What one client asks, how the provider takes it, and how the client behaves. */
interface Plan {
  readonly conduct: Conduct;
  readonly answerBytes: number;
  readonly bodyBytes: number;
  /** The client leaves after so many milliseconds. */
  readonly leaveMs: number | undefined;
  readonly readLate: boolean;
}

/** A provider whose answers carry the key they were asked with, and nothing of it otherwise in order. */
function provider(socket: Socket): void {
  let text = '';
  let answered = false;
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const [, who = '', conduct = '', size = '0'] = /\r\nauthorization: Bearer (who-\d+-)(\w+)-(\d+)\r\n/i.exec(text) ?? [];
    const whole = head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (!answered && (conduct === 'early' || text.length >= whole)) {
      answered = true;
      answer(socket, who, conduct, Number(size));
    }
    if (text.length >= whole) {
      text = text.slice(whole);
      answered = false;
    }
  });
}

function answer(socket: Socket, who: string, conduct: string, size: number): void {
  const body = JSON.stringify({ who: who.repeat(Math.ceil(size / who.length)) });
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
  const plain = `${head}content-length: ${body.length}\r\n\r\n${body}`;
  if (conduct === 'chunks') {
    const half = body.length >> 1;
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n${half.toString(16)};x=y\r\n${body.slice(0, half)}\r\n`);
    setTimeout(() => void socket.write(`${(body.length - half).toString(16)}\r\n${body.slice(half)}\r\n0\r\nx: trailer\r\n\r\n`), 2);
  } else if (conduct === 'hints') socket.write(`HTTP/1.1 103 Early Hints\r\nlink: ${who}\r\n\r\n`.repeat(20) + plain);
  else if (conduct === 'extra') socket.write(`${plain}HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 24\r\n\r\n{"who":"who-999999999-"}`);
  else if (conduct === 'cut') socket.end(plain.slice(0, -5));
  else if (conduct === 'reset') {
    socket.write(plain.slice(0, -5));
    setTimeout(() => void socket.resetAndDestroy(), 1);
  } else if (conduct === 'closes') socket.end(plain);
  else if (conduct !== 'silent') socket.write(plain);
}

it('R5.2 S21 gives nobody a byte of another\'s answer, whatever providers and clients do, and leaves nothing open', { timeout: 120_000 }, async () => {
  const upstream = createTcpServer(provider);
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  closing.push(() => upstream.close());
  const fixture = await startGateway({ baseUrls: { openai: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1` } });
  closing.push(() => fixture.close());
  const server = createServer({ gateway: fixture.gateway, controlPlane: { handle: (_request, response) => void response.end() }, random: (count) => randomBytes(count) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let asked = 0;
  let complete = 0;

  /** One client: its requests one after the other over connections that it keeps as long as they live. */
  const client = async (plans: readonly Plan[]): Promise<void> => {
    let socket: Socket | undefined;
    for (const { conduct, answerBytes, bodyBytes, leaveMs, readLate } of plans) {
      asked += 1;
      const who = `who-${asked}-`;
      if (socket === undefined || socket.destroyed || !socket.writable) {
        socket = connect(port, '127.0.0.1').on('error', () => undefined);
        await once(socket, 'connect');
      }
      const own = socket;
      let text = '';
      const data = (bytes: Buffer): void => void (text += bytes.toString('latin1'));
      own.on('data', data);
      const body = JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'x'.repeat(bodyBytes) }] });
      own.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer key\r\nx-keyhold-api-key: ${who}${conduct}-${answerBytes}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      if (readLate) {
        own.pause();
        await sleep(30);
        own.resume();
      }
      const leaveAt = leaveMs === undefined && conduct !== 'silent' ? Number.POSITIVE_INFINITY : performance.now() + (leaveMs ?? 20);
      while (!own.destroyed && !isWhole(text)) {
        if (performance.now() > leaveAt) own.destroy();
        await sleep(1);
      }
      own.off('data', data);
      if (isWhole(text) && text.startsWith('HTTP/1.1 200')) complete += 1;
      const others = [...new Set(text.match(/who-\d+-/g))].filter((found) => found !== who);
      expect(others).toEqual([]);
    }
    socket?.destroy();
  };

  const plan: fc.Arbitrary<Plan> = fc.record({
    conduct: fc.constantFrom<Conduct>('length', 'length', 'length', 'chunks', 'hints', 'early', 'extra', 'cut', 'reset', 'silent', 'closes'),
    answerBytes: fc.constantFrom(10, 1_000, 70_000, 300_000),
    bodyBytes: fc.constantFrom(1, 1_000, 100_000),
    leaveMs: fc.option(fc.nat(15), { nil: undefined, freq: 3 }),
    readLate: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(plan, { minLength: 6, maxLength: 6 }), { minLength: 6, maxLength: 6 }), async (clients) => {
      await Promise.all(clients.map(client));
      await eventually(() => fixture.gateway.openRequests() === 0);
    }),
    { numRuns: 20, interruptAfterTimeLimit: 12_000 },
  );
  // Also where the time was up before a run was over.
  await eventually(() => fixture.gateway.openRequests() === 0);
  expect(complete).toBeGreaterThan(0);
  await eventually(() => fixture.ended.length === fixture.started.length);
});

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = text.slice(0, end + 2);
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length);
}
