import { setTimeout as wait } from 'node:timers/promises';
import { residentBytes } from './machine.ts';
import type { Peer, Peers } from './peers.ts';
import { runWrk } from './wrk.ts';

const MIB = 1024 * 1024;
const CONNECTIONS = 64;
/** What is idle for so long has written out its usage and let go of its requests. */
const SETTLE_MS = 3_000;

export interface MemoryPlan {
  readonly body: string;
  readonly requests: number;
}

export interface Memory {
  /** MiB resident, after so many requests, each when the load has paused for some seconds. */
  readonly resident: readonly { readonly requests: number; readonly mebibytes: number }[];
  readonly afterAFifth: number;
  readonly atTheEnd: number;
}

/** Keyhold's memory over many requests: looked at every tenth of them. */
export async function measureMemory(peers: Peers, { body, requests }: MemoryPlan): Promise<Memory> {
  const keyhold = peerNamed(peers, 'keyhold');
  const resident = [{ requests: 0, mebibytes: mebibytesOf(keyhold) }];
  let done = 0;
  // Rather too fast a guess at first, so that the first load ends too early and not too late.
  let perSecond = 50_000;
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    while (done < (requests * tenth) / 10) {
      const seconds = Math.max(1, Math.round(((requests * tenth) / 10 - done) / perSecond));
      const load = await runWrk({ url: keyhold.url, key: keyhold.key, body, connections: CONNECTIONS, seconds });
      done += load.requests;
      perSecond = load.perSecond;
    }
    await wait(SETTLE_MS);
    resident.push({ requests: done, mebibytes: mebibytesOf(keyhold) });
  }
  return { resident, afterAFifth: resident[2]?.mebibytes ?? Number.NaN, atTheEnd: resident[10]?.mebibytes ?? Number.NaN };
}

function peerNamed({ list }: Peers, name: Peer['name']): Peer {
  const peer = list.find((one) => one.name === name);
  if (peer === undefined) throw new Error(`There is no ${name} here.`);
  return peer;
}

function mebibytesOf(peer: Peer): number {
  return Math.round((residentBytes(peer.pids()) / MIB) * 10) / 10;
}
