import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../../test/support/servers/azure/certificates.ts';
import { UpstreamPool } from './upstream-pool.ts';

const { ca, cert, key } = makeCertificates();
const trusted = getCACertificates('default');
const closing: (() => void)[] = [];

beforeAll(() => setDefaultCACertificates([...trusted, ca]));
afterAll(() => setDefaultCACertificates(trusted));
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An https upstream that echoes, in chunks, and says how many connections there were and how many went on with an earlier session. */
async function upstream() {
  const seen = { connections: 0, reused: 0, names: [] as (string | false)[] };
  const server = createServer({ cert, key }, (request, response) => {
    request.on('data', (bytes: Buffer) => response.write(bytes));
    request.on('end', () => response.end());
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.connections += 1;
    seen.names.push('servername' in socket && typeof socket.servername === 'string' ? socket.servername : false);
    if (socket.isSessionReused()) seen.reused += 1;
  });
  await new Promise<void>((resolve) => void server.listen(0, '0.0.0.0', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, server, port: (server.address() as AddressInfo).port };
}

function poolOf(origin: string): UpstreamPool {
  const pool = new UpstreamPool(origin, { connectMs: 5_000, answerMs: 5_000, idleMs: 5_000 });
  closing.push(() => pool.destroy());
  return pool;
}

function ask(pool: UpstreamPool, body: Buffer): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    pool.send(
      { method: 'POST', path: '/v1/x', headers: [], body },
      { head: () => undefined, data: (bytes) => pieces.push(Buffer.from(bytes)), ended: () => resolve(Buffer.concat(pieces)), failed: ({ kind }, sent) => resolve(`${kind} ${String(sent)}`) },
    );
  });
}

describe('UpstreamPool over TLS', () => {
  it('carries bodies of every size byte for byte, over connections that are used again, and goes on with sessions', async () => {
    const { seen, server, port } = await upstream();
    const pool = poolOf(`https://localhost:${port}`);
    for (const size of [1, 16_384, 16_385, 70_000, 2_000_000]) {
      const body = Buffer.alloc(size, 'abcdefg');
      expect(Buffer.compare(body, Buffer.from(await ask(pool, body)))).toBe(0);
      await sleep(5);
    }
    expect(seen).toMatchObject({ connections: 1, names: ['localhost'] });
    server.closeAllConnections();
    await sleep(20);
    await ask(pool, Buffer.from('x'));
    expect(seen).toMatchObject({ connections: 2, reused: 1 });
  });

  it('sends nothing to an upstream whose certificate is another\'s, or nobody\'s it trusts', async () => {
    const { port } = await upstream();
    expect(await ask(poolOf(`https://127.0.0.2:${port}`), Buffer.from('x'))).toBe('unreachable false');
    setDefaultCACertificates(trusted);
    expect(await ask(poolOf(`https://localhost:${port}`), Buffer.from('x'))).toBe('unreachable false');
    setDefaultCACertificates([...trusted, ca]);
  });
});
