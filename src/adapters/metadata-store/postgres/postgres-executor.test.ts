import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { KeyholdError } from '../../../ports/errors.ts';
import { PostgresExecutor } from './postgres-executor.ts';

it('S34: refuses callers whose turn would come too late, as busy, which is no outage', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const server = { host: '127.0.0.1', port, database: 'nobody', user: 'nobody', tls: { mode: 'disable' }, connections: 2 } as const;
  const executor = new PostgresExecutor(server, () => undefined, { monotonic: () => performance.now() });
  const waiting = Promise.allSettled(Array.from({ length: 20_002 }, () => executor.read('SELECT 1', [])));
  await expect(executor.read('SELECT 1', [])).rejects.toMatchObject({ code: 'unavailable', outage: 'busy', retryAfterSeconds: 1 });
  while (sockets.length < 2) await once(silent, 'connection');
  silent.close();
  for (const socket of sockets) socket.destroy();
  const refused = (await waiting).filter((result) => result.status === 'rejected' && result.reason instanceof KeyholdError && result.reason.code === 'unavailable');
  expect(refused).toHaveLength(20_002);
  await executor.close();
});

afterEach(() => void vi.useRealTimers());

/** As much of a PostgreSQL server as answers every statement with no rows, and none of SQL's own (`Q`) while `holds` is true. */
class EmptyServer {
  readonly #server: Server;
  readonly #held: Socket[] = [];
  holds = false;
  connections = 0;

  static async listening(): Promise<EmptyServer> {
    const made = new EmptyServer();
    await once(made.#server.listen(0, '127.0.0.1'), 'listening');
    return made;
  }

  private constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1;
      let hasBegun = false;
      socket.on('error', () => undefined).on('data', (bytes) => {
        // Each piece is one message or one round of them: nothing here is sent ahead of its answer.
        if (!hasBegun) socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
        else if (bytes[0] === 'Q'.charCodeAt(0) && this.holds) this.#held.push(socket);
        else if (bytes[0] === 'Q'.charCodeAt(0)) socket.write(Buffer.concat([message('C', Buffer.from('SET\0')), ready]));
        else if (bytes[0] !== 'X'.charCodeAt(0)) socket.write(Buffer.concat([message('1'), message('2'), message('n'), message('C', Buffer.from('SELECT 0\0')), ready]));
        hasBegun = true;
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get held(): number {
    return this.#held.length;
  }

  answer(): void {
    this.holds = false;
    for (const socket of this.#held.splice(0)) socket.write(Buffer.concat([message('C', Buffer.from('SET\0')), ready]));
  }

  close(): void {
    this.#server.close();
  }
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
function message(type: string, content: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(4 + content.length, 1);
  return Buffer.concat([head, content]);
}

const ready = message('Z', Buffer.from('I'));

it('a connection that comes about after nobody waits for it any more is kept for the next, and closes at the end', async () => {
  const database = await EmptyServer.listening();
  const server = { host: '127.0.0.1', port: database.port, database: 'nobody', user: 'nobody', tls: { mode: 'disable' }, connections: 2 } as const;
  const executor = new PostgresExecutor(server, () => undefined, { monotonic: () => performance.now() });
  await executor.read('SELECT 1', []);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  database.holds = true;
  // The one connection that is there is for one of them; for the other a second one is made, and takes its time.
  const both = Promise.allSettled([executor.read('SELECT 1', []), executor.read('SELECT 1', [])]);
  while (database.held === 0) await turn();
  await vi.advanceTimersByTimeAsync(5_000);
  expect((await both).map((result) => (result.status === 'rejected' && result.reason instanceof KeyholdError ? result.reason.code : result.status))).toEqual(['fulfilled', 'unavailable']);
  database.answer();
  for (let round = 0; round < 2; round += 1) await Promise.all([executor.read('SELECT 1', []), executor.read('SELECT 1', [])]);
  expect(database.connections).toBe(2);
  // Waits for every connection to be given back.
  await executor.close();
  database.close();
});
