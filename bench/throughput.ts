import { processorSeconds } from './machine.ts';
import type { Peer, PeerName, Peers } from './peers.ts';
import { peerNames } from './peers.ts';
import { ratiosOf, type Spread, spreadOf } from './statistics.ts';
import { runWrk } from './wrk.ts';

const CONNECTIONS = 64;

export interface ThroughputPlan {
  readonly body: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface Throughput {
  readonly perSecond: Readonly<Record<PeerName, Spread>>;
  /** Microseconds of the gateway's processor time for one request: also right where the load was what was slow. */
  readonly processorMicroseconds: Readonly<Record<PeerName, Spread>>;
  /** The gateway's core, as a share of it that was busy; far below 1 means that the load was what was slow. */
  readonly busy: Readonly<Record<PeerName, Spread>>;
  readonly keyholdOver: Readonly<Record<'bare' | 'nginx', Spread>>;
  /** Requests that Keyhold answered while it was measured and warmed up, and those it has metered. */
  readonly answered: number;
  readonly metered: number;
}

/** Requests per second at 64 connections, the peers taking turns. */
export async function measureThroughput(peers: Peers, { body, rounds, seconds, warmUpSeconds }: ThroughputPlan): Promise<Throughput> {
  const samples = { nginx: noSamples(), bare: noSamples(), keyhold: noSamples() };
  const meteredBefore = await peers.keyhold.metered();
  let answered = 0;
  for (const peer of peers.list) {
    const { requests } = await runWrk({ url: peer.url, key: peer.key, body, connections: CONNECTIONS, seconds: warmUpSeconds });
    if (peer.name === 'keyhold') answered += requests;
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of peers.list) {
      const sample = await sampled(peer, body, seconds);
      samples[peer.name].perSecond.push(sample.perSecond);
      samples[peer.name].processor.push((sample.processorSeconds / sample.requests) * 1e6);
      samples[peer.name].busy.push(sample.processorSeconds / seconds);
      if (peer.name === 'keyhold') answered += sample.requests;
    }
  }
  const { nginx, bare, keyhold } = samples;
  return {
    perSecond: perPeer((name) => spreadOf(samples[name].perSecond)),
    processorMicroseconds: perPeer((name) => spreadOf(samples[name].processor)),
    busy: perPeer((name) => spreadOf(samples[name].busy)),
    keyholdOver: { bare: ratiosOf(keyhold.perSecond, bare.perSecond), nginx: ratiosOf(keyhold.perSecond, nginx.perSecond) },
    answered,
    metered: (await peers.keyhold.metered()) - meteredBefore,
  };
}

async function sampled(peer: Peer, body: string, seconds: number): Promise<{ requests: number; perSecond: number; processorSeconds: number }> {
  const before = processorSeconds(peer.pids());
  const { requests, perSecond } = await runWrk({ url: peer.url, key: peer.key, body, connections: CONNECTIONS, seconds });
  return { requests, perSecond, processorSeconds: processorSeconds(peer.pids()) - before };
}

function noSamples(): { perSecond: number[]; processor: number[]; busy: number[] } {
  return { perSecond: [], processor: [], busy: [] };
}

function perPeer<T>(figure: (name: PeerName) => T): Readonly<Record<PeerName, T>> {
  return Object.fromEntries(peerNames.map((name) => [name, figure(name)])) as Record<PeerName, T>;
}
