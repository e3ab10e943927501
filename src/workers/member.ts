import type { Worker } from 'node:cluster';
import { type Beginning, type FromWorker, isFromWorker, type ToWorker } from './messages.ts';

/** Ticks of a second without a sign of life, after which a worker that serves stands still for good. */
const MOST_SILENT_TICKS = 15;
/** The same before it serves: a machine that is busy takes a while to read its code. */
const MOST_SILENT_TICKS_AT_START = 120;

/** What of a `node:cluster` worker is needed here. */
export type WorkerProcess = Pick<Worker, 'on' | 'isConnected'> & { readonly process: Pick<Worker['process'], 'pid' | 'once' | 'send' | 'kill'> };

export interface MemberEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface MemberEvents {
  readonly message: (member: Member, message: FromWorker) => void;
  readonly ended: (member: Member, end: MemberEnd) => void;
}

/** One worker process, as the first process sees it. */
export class Member {
  readonly #worker: WorkerProcess;
  #state: 'waiting' | 'starting' | 'serving' | 'retired' | 'ending' = 'waiting';
  #number = 0;
  #servingSince: number | undefined;
  #silentTicks = 0;
  /** What it has counted, when it told last. */
  metrics: unknown;

  /** Its process reads the code, and then waits for `begin`. */
  constructor(worker: WorkerProcess, { message, ended }: MemberEvents) {
    this.#worker = worker;
    worker.on('message', (received: unknown) => {
      if (!isFromWorker(received)) return;
      this.#silentTicks = 0;
      message(this, received);
    });
    worker.on('error', () => {
      // Of a process that was never there nothing else tells; of one that was, its end does.
      if (worker.process.pid === undefined) ended(this, { code: null, signal: 'it could not be started' });
    });
    worker.process.once('exit', (code, signal) => ended(this, { code, signal }));
  }

  /** 0 before it has begun. */
  get number(): number {
    return this.#number;
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get isStarting(): boolean {
    return this.#state === 'starting';
  }

  get isServing(): boolean {
    return this.#state === 'serving';
  }

  /** Another has taken over from it, and what is connected to it has all the time it takes. */
  get isRetired(): boolean {
    return this.#state === 'retired';
  }

  /** Its time is limited. */
  get isEnding(): boolean {
    return this.#state === 'ending';
  }

  begin(beginning: Beginning): void {
    this.#number = beginning.number;
    this.#state = 'starting';
    this.send({ kind: 'begin', beginning });
  }

  /** Milliseconds since it began to serve; 0 when it never did. */
  servedMs(now: number): number {
    return this.#servingSince === undefined ? 0 : now - this.#servingSince;
  }

  serves(now: number): void {
    this.#state = 'serving';
    this.#servingSince = now;
  }

  /** It was told to go. */
  leave(message: Extract<ToWorker, { readonly kind: 'retire' | 'stop' | 'stop-now' }>): void {
    this.#state = message.kind === 'retire' ? 'retired' : 'ending';
    this.send(message);
  }

  /** A second of this process has passed; true when the worker has stood still for too many of them. */
  tick(): boolean {
    this.#silentTicks += 1;
    return this.#silentTicks > (this.#servingSince === undefined ? MOST_SILENT_TICKS_AT_START : MOST_SILENT_TICKS);
  }

  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.process.send(message, undefined, undefined, () => undefined);
  }

  /** Ends one that has begun nothing. */
  dismiss(): void {
    this.#state = 'ending';
    this.kill();
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }
}
