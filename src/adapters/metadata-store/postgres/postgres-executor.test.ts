import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
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
