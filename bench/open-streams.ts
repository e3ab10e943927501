import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { residentBytes } from './machine.ts';
import { chatRequest } from './payload.ts';
import { type Peer, type PeerName, type Peers } from './peers.ts';
import { requestBytes } from './raw-client.ts';

export interface OpenStreamsPlan {
  readonly streams: number;
  /** How long they are held open; one event a second passes on each. */
  readonly seconds: number;
}

export interface OpenStreams {
  readonly streams: number;
  /** KB (1,000 bytes) of resident memory for each open stream, beyond what the process had before. */
  readonly kilobytesEach: Readonly<Record<PeerName, number>>;
}

/** What a gateway needs of memory while many streams are open at a time. */
export async function measureOpenStreams(peers: Peers, { streams, seconds }: OpenStreamsPlan): Promise<OpenStreams> {
  const kilobytes = { nginx: 0, bare: 0, keyhold: 0 };
  for (const peer of peers.list) {
    // The first streams load code and fill pools that belong to nobody.
    await whileOpen(peer, Math.ceil(streams / 20), async () => wait(2_000));
    await wait(2_000);
    const before = residentBytes(peer.pids());
    const during = await whileOpen(peer, streams, async () => {
      await wait(seconds * 1_000);
      return residentBytes(peer.pids());
    });
    kilobytes[peer.name] = Math.round((during - before) / streams / 100) / 10;
  }
  return { streams, kilobytesEach: kilobytes };
}

async function whileOpen<T>(peer: Peer, count: number, then: () => Promise<T>): Promise<T> {
  const request = requestBytes(peer.url, peer.key, chatRequest('bench-open', true));
  const sockets: Socket[] = [];
  try {
    for (let opened = 0; opened < count; opened += 1) sockets.push(await openStream(peer.url, request));
    return await then();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Resolves when the first event is there. */
function openStream(url: string, request: Buffer): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(request));
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    if (text === 'open') return;
    text += chunk.toString('latin1');
    if (!text.includes('\ndata: ')) return;
    text = 'open';
    resolve(socket);
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${url} ended a stream that has no end: ${text}`)));
  return promise;
}
