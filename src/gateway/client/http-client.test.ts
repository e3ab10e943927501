import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, vi } from 'vitest';
import { HttpResponse } from './http-client.ts';

it('S34 a client that left is gone for a request that waits behind another on its connection, too', async () => {
  const responses: HttpResponse[] = [];
  const server = createServer((request, response) => void responses.push(new HttpResponse(request, response)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined).write('GET /a HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(2));
  await vi.waitFor(() => expect(responses.map(({ gone }) => gone)).toEqual([false, false]), { timeout: 30_000 });
  socket.destroy();
  await vi.waitFor(() => expect(responses.map(({ gone }) => gone)).toEqual([true, true]), { timeout: 30_000 });
  server.close();
});
