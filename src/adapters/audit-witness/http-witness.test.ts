import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { provesConsistency } from '../../core/audit/tree/verify-proof.ts';
import { bodyOf, createHttpWitness } from './http-witness.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A witness that answers like this. */
async function answering(answer: Parameters<typeof createServer>[1]) {
  server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return createHttpWitness(`http://127.0.0.1:${port}`, directly);
}

const directly = { proxyFor: () => undefined };
const request = { oldSize: 0, proof: [], checkpoint: 'x\n1\nAAAA\n\n\u2014 x AAAAAAAA\n' };
const unavailable = expect.objectContaining({ code: 'unavailable' });

describe('a witness over HTTP (C2SP tlog-witness, S30)', () => {
  it('is asked in the form of the specification: litewitness\'s own example, whose proof holds', () => {
    const [one, two] = ['KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='].map((hash) => Buffer.from(hash, 'base64')) as [Buffer, Buffer];
    const origin = 'sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562';
    const root = 'RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=';
    const checkpoint = `${origin}\n3\n${root}\n\n\u2014 ${origin} UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=\n`;
    expect(bodyOf({ oldSize: 1, proof: [one, two], checkpoint })).toBe(`old 1\n${one.toString('base64')}\n${two.toString('base64')}\n\n${checkpoint}`);
    expect(bodyOf({ oldSize: 0, proof: [], checkpoint })).toBe(`old 0\n\n${checkpoint}`);
    const firstRoot = Buffer.from('KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'base64');
    expect(provesConsistency({ first: 1, firstRoot, second: 3, secondRoot: Buffer.from(root, 'base64'), proof: [one, two] })).toBe(true);
  });

  it('answers with signatures, with the size that it knows, or with a status', async () => {
    expect(await (await answering((_request, response) => void response.writeHead(200).end('\u2014 lines\n'))).addCheckpoint(request)).toEqual({ state: 'cosigned', lines: '\u2014 lines\n' });
    expect(await (await answering((_request, response) => void response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('17\n'))).addCheckpoint(request)).toEqual({ state: 'elsewhere', size: 17 });
    for (const status of [400, 403, 404, 422, 500, 503]) expect(await (await answering((_request, response) => void response.writeHead(status).end('words'))).addCheckpoint(request)).toEqual({ state: 'refused', status });
  });

  it('is not followed elsewhere, nor listened to without end', async () => {
    let asked = 0;
    const moved = await answering((_request, response) => {
      asked += 1;
      response.writeHead(307, { location: '/other' }).end();
    });
    expect(await moved.addCheckpoint(request)).toEqual({ state: 'refused', status: 307 });
    expect(asked).toBe(1);
    const endless = await answering((_request, response) => {
      response.writeHead(200);
      const more = (): void => void response.write('x'.repeat(10_000), () => !response.destroyed && setImmediate(more));
      more();
    });
    await expect(endless.addCheckpoint(request)).rejects.toEqual(unavailable);
  });

  it('is away when it does not answer in time, breaks off, or says no size that can be', async () => {
    await expect((await answering(() => {})).addCheckpoint(request)).rejects.toEqual(unavailable);
    await expect((await answering(({ socket }) => void socket.destroy())).addCheckpoint(request)).rejects.toEqual(unavailable);
    for (const size of ['', 'x', '-1\n', '1e3\n', '99999999999999999999\n', '007\n']) await expect((await answering((_request, response) => void response.writeHead(409).end(size))).addCheckpoint(request)).rejects.toEqual(unavailable);
    await expect(createHttpWitness('http://127.0.0.1:9', directly).addCheckpoint(request)).rejects.toEqual(unavailable);
  });
});
