import { startScript, endChild } from './child.ts';
import { type BenchKeyhold, startKeyhold } from './keyhold.ts';
import { familyOf, GATEWAY_CORE, LOAD_CORE, pin } from './machine.ts';
import { startNginxProxy, startNginxUpstream } from './nginx.ts';
import { callerKey, providerKey } from './payload.ts';

export type PeerName = 'nginx' | 'bare' | 'keyhold';

export const peerNames: readonly PeerName[] = ['nginx', 'bare', 'keyhold'];

/** Something that stands between the load and the upstream. */
export interface Peer {
  readonly name: PeerName;
  readonly url: string;
  /** What the load presents. */
  readonly key: string;
  /** Its processes. */
  pids(): readonly number[];
}

/** One upstream and the gateways before it, each on its core. */
export interface Peers {
  readonly upstream: string;
  readonly list: readonly Peer[];
  readonly keyhold: BenchKeyhold;
  close(): Promise<void>;
}

/** `stream`: the upstream is one that streams; else nginx with one JSON answer. */
export async function startPeers(kind: 'json' | 'stream', profileTo: string | undefined): Promise<Peers> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.reverse()) await one();
  };
  try {
    const upstream = await startUpstream(kind);
    closing.push(upstream.close);
    const nginx = await startNginxProxy(upstream.url);
    closing.push(() => nginx.close());
    const bare = await startScript('bare-proxy.ts', [callerKey, providerKey, upstream.url]);
    closing.push(() => endChild(bare.process));
    const keyhold = await startKeyhold(upstream.url, profileTo);
    closing.push(() => keyhold.close());
    const list: readonly Peer[] = [
      { name: 'nginx', url: nginx.url, key: callerKey, pids: () => familyOf(nginx.pid) },
      { name: 'bare', url: bare.url, key: callerKey, pids: () => [bare.pid] },
      { name: 'keyhold', url: keyhold.url, key: keyhold.gatewayKey, pids: () => [keyhold.pid] },
    ];
    for (const pid of list.flatMap((peer) => peer.pids())) pin(pid, GATEWAY_CORE);
    return { upstream: upstream.url, list, keyhold, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Pinned to the load's core. */
export async function startUpstream(kind: 'json' | 'stream'): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  if (kind === 'stream') {
    const script = await startScript('stream-upstream.ts', []);
    pin(script.pid, LOAD_CORE);
    return { url: script.url, close: () => endChild(script.process) };
  }
  const nginx = await startNginxUpstream();
  for (const pid of familyOf(nginx.pid)) pin(pid, LOAD_CORE);
  return { url: nginx.url, close: () => nginx.close() };
}
