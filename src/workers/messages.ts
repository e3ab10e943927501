import type { KnownRootKey } from '../adapters/key-wrapper/recalling-wrapper.ts';
import type { LeaseQuestion } from '../adapters/limit-leases/worker-leases.ts';

/** What workers can be asked, all at once. */
export type Question = 'metrics' | 'delivery';

/** What goes through the first process to all other workers, by what it is about. */
export type Topic = 'bus' | 'unknown-key' | 'open-requests';

/** What a worker has to know before it starts. */
export interface Beginning {
  /** Its own, from 1 on; no other living worker has it. */
  readonly number: number;
  /** Those of the other living workers. */
  readonly taken: readonly number[];
  /** How many are to serve. */
  readonly of: number;
  /** No other has begun before: what dead processes left is finished by this one. */
  readonly first: boolean;
  /** The first process's id, data folder and database, which have to be the worker's own. */
  readonly pid: number;
  readonly dataDir: string;
  readonly database: string;
  /** The root key, where a worker before has unwrapped it: over this channel alone, never in an argument, a variable or a file. */
  readonly rootKey: KnownRootKey | undefined;
}

/** From the first process to a worker. */
export type ToWorker =
  | { readonly kind: 'begin'; readonly beginning: Beginning }
  /** How many are serving; what a probe wants to know. */
  | { readonly kind: 'fleet'; readonly serving: number }
  /** Another has taken over: no new connections, all that are there are served. */
  | { readonly kind: 'retire' }
  | { readonly kind: 'stop'; readonly reason: string }
  /** Asked for a second time. */
  | { readonly kind: 'stop-now'; readonly reason: string }
  | { readonly kind: 'relayed'; readonly id: number; readonly topic: Topic; readonly message: unknown }
  | { readonly kind: 'question'; readonly id: number; readonly about: Question }
  | { readonly kind: 'answers'; readonly id: number; readonly values: readonly unknown[] };

/** From a worker to the first process. */
export type FromWorker =
  /** Once a second: its event loop runs. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'serving'; readonly port: number }
  /** For all others; answered when they have it. */
  | { readonly kind: 'relay'; readonly id: number; readonly topic: Topic; readonly message: unknown }
  | { readonly kind: 'ask'; readonly id: number; readonly about: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** For its part of a limit, answered by the first process itself. */
  | { readonly kind: 'lease'; readonly id: number; readonly question: LeaseQuestion }
  /** What it has unwrapped, for those that start after it. */
  | { readonly kind: 'root-key'; readonly rootKey: KnownRootKey }
  /** What it has counted so far. */
  | { readonly kind: 'metrics'; readonly value: unknown };

/** Both ends of the channel are ours, of one version each time the first process is started: the kind tells the rest. */
export function isToWorker(message: unknown): message is ToWorker {
  return hasKind(message);
}

export function isFromWorker(message: unknown): message is FromWorker {
  return hasKind(message);
}

function hasKind(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && typeof message.kind === 'string';
}
