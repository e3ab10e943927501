import type { LeaseQuestion } from '../adapters/limit-leases/worker-leases.ts';
import type { Log } from '../ports/log.ts';
import { StartError } from '../ports/start-error.ts';
import { Gatherings } from './gathering.ts';
import type { Member, MemberEnd, MemberEvents } from './member.ts';
import type { Beginning, FromWorker } from './messages.ts';
import { RestartPolicy } from './restart-policy.ts';

const TICK_MS = 1_000;
/** How long a worker may take to have what another tells it; and to answer. */
const TAKEN_MS = 250;
const ANSWERED_MS = 1_000;
/** What a worker needs behind the end of its time to write what it owes. */
const LAST_WORDS_MS = 10_000;
/** Old workers that still serve what was connected to them, for each that is to serve: two restarts' worth. Each has its memory and its connections. */
const RETIRED_PER_WORKER = 2;

export interface FleetOptions {
  readonly size: number;
  readonly shutdownTimeoutMs: number;
  readonly log: Log;
  readonly monotonic: () => number;
  /** Starts a worker process. */
  readonly start: (events: MemberEvents) => Member;
  /** What a worker has to know besides what the fleet knows. */
  readonly beginning: Omit<Beginning, 'number' | 'taken' | 'of' | 'first' | 'rootKey'>;
  /** The first one listens there. */
  readonly listens: (port: number) => void;
  /** What a worker gets of a limit that it shares with the others. */
  readonly answerLease: (question: LeaseQuestion) => unknown;
  /** Adds what a worker that is gone had counted to what others before it had. */
  readonly addMetrics: (departed: unknown, last: unknown) => unknown;
}

/**
 * The worker processes: as many as there are to be, one started after the other; those that die or stand still are replaced. `ended` resolves with the
 * exit status when all are gone after `stop`, or when there is no hope.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Set<Member>();
  readonly #policy = new RestartPolicy();
  readonly #gatherings = new Gatherings();
  readonly #ended = Promise.withResolvers<number>();
  readonly #ticking: NodeJS.Timeout;
  /** Those that a rolling restart replaces. */
  #old = new Set<Member>();
  #departed: unknown;
  #rootKey: Beginning['rootKey'];
  #hasServed = false;
  #wasFull = false;
  #isStopping = false;
  #waiting: NodeJS.Timeout | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#tend();
  }

  /** Rejects with `StartError` when there is no hope. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Replaces all workers, one by one: an old one goes when a new one serves. Where that would leave too many old ones, the oldest of them have their time limited. */
  restart(): void {
    const { log } = this.#options;
    if (this.#isStopping || !this.#hasServed) return;
    for (const member of this.#members) {
      // It has read the settings already, and maybe others than there are now.
      if (member.isWaiting) member.dismiss();
    }
    this.#old = new Set([...this.#members].filter(({ isStarting, isServing }) => isStarting || isServing));
    const retired = [...this.#members].filter(({ isRetired }) => isRetired);
    for (const member of retired.slice(0, Math.max(0, retired.length + this.#old.size - this.#mostRetired))) {
      log.warn('worker_cut_short', 'Too many old workers would still have open connections, so this one, of the oldest, ends within KEYHOLD_SHUTDOWN_TIMEOUT', { worker: member.number });
      this.#endInTime(member, 'there are newer workers');
    }
    log.info('workers_restarting', 'Asked for new workers: each of the present ones is replaced as soon as a new one serves', { count: this.#old.size });
    this.#tend();
  }

  stop(reason: string): void {
    this.#isStopping = true;
    clearTimeout(this.#waiting);
    for (const member of this.#members) {
      // One that is starting has begun nothing that its successor would not finish.
      if (member.isWaiting || member.isStarting) member.kill();
      else this.#endInTime(member, reason);
    }
    this.#finishWhenEmpty();
  }

  stopNow(reason: string): void {
    for (const member of this.#members) member.leave({ kind: 'stop-now', reason });
  }

  #endInTime(member: Member, reason: string): void {
    const { shutdownTimeoutMs, log } = this.#options;
    member.leave({ kind: 'stop', reason });
    setTimeout(() => {
      if (!this.#members.has(member)) return;
      log.error('worker_killed', 'A worker did not end in time and is killed', { worker: member.number });
      member.kill();
    }, shutdownTimeoutMs + LAST_WORDS_MS).unref();
  }

  get #mostRetired(): number {
    return RETIRED_PER_WORKER * this.#options.size;
  }

  /** Whether another old one may go and still serve what is connected to it. */
  get #mayRetire(): boolean {
    return [...this.#members].filter(({ isRetired, isEnding }) => isRetired || isEnding).length < this.#mostRetired;
  }

  #serving(): readonly Member[] {
    return [...this.#members].filter(({ isServing }) => isServing);
  }

  /** Those that have begun; also who is starting has caches that changes concern. */
  #atWork(): readonly Member[] {
    return [...this.#members].filter(({ isWaiting }) => !isWaiting);
  }

  /** Starts what is missing or due to be replaced: processes at once, since they take a while to read the code, and then one of them after the other. */
  #tend(): void {
    if (this.#isStopping || this.#waiting !== undefined) return;
    const { size, start, beginning } = this.#options;
    const missing = size - this.#serving().length + (this.#old.size > 0 && this.#mayRetire ? 1 : 0);
    const coming = [...this.#members].filter(({ isWaiting, isStarting }) => isWaiting || isStarting);
    while (coming.length < missing) {
      const member = start({ message: (from, message) => this.#take(from, message), ended: (from, end) => this.#end(from, end) });
      this.#members.add(member);
      coming.push(member);
    }
    const [next] = coming;
    if (next === undefined || coming.some(({ isStarting }) => isStarting)) return;
    const taken = this.#atWork().map(({ number }) => number);
    next.begin({ ...beginning, number: firstFree(taken), taken, of: size, first: !this.#hasServed, rootKey: this.#rootKey });
  }

  #take(member: Member, message: FromWorker): void {
    switch (message.kind) {
      case 'alive':
        break;
      case 'serving':
        this.#serves(member, message.port);
        break;
      case 'relay': {
        const { id: askedAs, topic, message: relayed } = message;
        const asked = this.#atWork().filter((other) => other !== member);
        this.#gatherings.begin({ asker: member, askedAs, asked, withinMs: TAKEN_MS, ask: (other, id) => other.send({ kind: 'relayed', id, topic, message: relayed }) });
        break;
      }
      case 'ask': {
        const { id: askedAs, about } = message;
        const more = about === 'metrics' && this.#departed !== undefined ? [this.#departed] : [];
        this.#gatherings.begin({ asker: member, askedAs, asked: this.#atWork(), withinMs: ANSWERED_MS, more, ask: (other, id) => other.send({ kind: 'question', id, about }) });
        break;
      }
      case 'answer':
        this.#gatherings.take(member, message);
        break;
      case 'lease':
        member.send({ kind: 'answers', id: message.id, values: [this.#options.answerLease(message.question)] });
        break;
      case 'root-key':
        this.#rootKey = message.rootKey;
        break;
      case 'metrics':
        member.metrics = message.value;
        break;
      default:
        message satisfies never;
    }
  }

  #serves(member: Member, port: number): void {
    const { size, log, monotonic, listens } = this.#options;
    member.serves(monotonic());
    log.info('worker_serving', 'A worker serves', { worker: member.number });
    if (!this.#hasServed) listens(port);
    this.#hasServed = true;
    const oldest = [...this.#old].find(({ isServing }) => isServing);
    if (oldest !== undefined && this.#serving().length > size) {
      this.#old.delete(oldest);
      oldest.leave({ kind: 'retire' });
      if (this.#old.size === 0) log.info('workers_restarted', 'New workers serve; the old ones end with their last connections');
    }
    this.#tellAll();
    if (this.#serving().length === size && !this.#wasFull) {
      this.#wasFull = true;
      log.info('ready', 'Keyhold is ready', { count: size });
    }
    this.#tend();
  }

  #end(member: Member, { code, signal }: MemberEnd): void {
    const { log, monotonic, addMetrics } = this.#options;
    this.#members.delete(member);
    const wasOld = this.#old.delete(member);
    this.#gatherings.forget(member);
    if (member.metrics !== undefined) this.#departed = addMetrics(this.#departed, member.metrics);
    this.#tellAll();
    if (this.#isStopping) {
      this.#finishWhenEmpty();
      return;
    }
    const how = signal ?? String(code);
    const was = { starting: member.isWaiting || member.isStarting, serving: member.isServing };
    if (!was.starting && !was.serving) {
      if (member.number > 0) log.info('worker_ended', 'A worker has ended', { worker: member.number, code: how });
      this.#tend();
      return;
    }
    if (!this.#hasServed) {
      // It has said what is wrong; nothing has begun that would go on without it.
      if (code !== null && code !== 0) this.#finish(code);
      else this.#giveUp(`The first worker ended before it served (${how}). Start Keyhold again; KEYHOLD_LOG_LEVEL=debug shows how far it came.`);
      return;
    }
    log.error('worker_died', 'A worker ended without being asked to, and is replaced; its requests under way are lost, and accounted for as aborted', { worker: member.number, code: how });
    if (was.starting && !wasOld && this.#old.size > 0) {
      log.error('workers_not_restarted', 'A new worker did not start, so the present ones stay. What it said stands above; ask again when that is put right');
      this.#old.clear();
      if (this.#serving().length >= this.#options.size) return;
    }
    const now = monotonic();
    const delayMs = this.#policy.died({ at: now, servedMs: member.servedMs(now), othersServeMs: this.#serving().map((other) => other.servedMs(now)) });
    if (delayMs === undefined) {
      this.#giveUp(`Workers die at once, over and over (the last by ${how}), so Keyhold ends. What they said stands above in the log; KEYHOLD_WORKERS=1 runs Keyhold without workers.`);
      return;
    }
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      this.#tend();
    }, delayMs);
  }

  #tick(): void {
    for (const member of this.#members) {
      if (!member.tick()) continue;
      this.#options.log.error('worker_stands_still', 'A worker gives no sign of life any more; it is killed and replaced', { worker: member.number });
      member.kill();
    }
  }

  #tellAll(): void {
    const serving = this.#serving().length;
    for (const member of this.#members) member.send({ kind: 'fleet', serving });
  }

  #finishWhenEmpty(): void {
    if (this.#members.size === 0) this.#finish(0);
  }

  #finish(code: number): void {
    clearInterval(this.#ticking);
    for (const member of this.#members) member.kill();
    this.#ended.resolve(code);
  }

  #giveUp(message: string): void {
    clearInterval(this.#ticking);
    for (const member of this.#members) member.kill();
    this.#ended.reject(new StartError(1, message));
  }
}

function firstFree(taken: readonly number[]): number {
  let number = 1;
  while (taken.includes(number)) number += 1;
  return number;
}
