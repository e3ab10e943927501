import cluster from 'node:cluster';
import type { KnownRootKey } from '../adapters/key-wrapper/recalling-wrapper.ts';
import type { LeaseQuestion } from '../adapters/limit-leases/worker-leases.ts';
import { type Beginning, type FromWorker, isToWorker, type Question, type Topic, type ToWorker } from './messages.ts';

const ALIVE_EVERY_MS = 1_000;
const LATE_MS = 2_000;

/** A way to all other workers, whoever they are at that moment. What is sent while the first process is gone is lost. */
export interface Channel {
  /** Resolves when all of them have taken it, or have had their time to. Never rejects. */
  send(message: unknown): Promise<void>;
  onMessage(receive: (message: unknown) => void): void;
  /** Called when the first process is gone: nobody is reached any more. */
  onCut(cut: () => void): void;
}

/** The worker's end of the channel to the first process. */
export class WorkerLink {
  readonly #begin = Promise.withResolvers<Beginning>();
  readonly #stop = Promise.withResolvers<string>();
  readonly #stopNow = Promise.withResolvers<string>();
  readonly #retire = Promise.withResolvers<'retired'>();
  readonly #receivers = new Map<Topic, (message: unknown) => void>();
  readonly #answerers = new Map<Question, () => Promise<unknown>>();
  readonly #asked = new Map<number, (values: readonly unknown[]) => void>();
  #questions = 0;
  #serving = 0;

  /** From now on signals are the first process's to deal with: a terminal or a supervisor sends them to every process. */
  constructor() {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    // Else Node would end this process with the first one, requests under way and all.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    process.on('disconnect', () => {
      this.#stop.resolve('the first process is gone');
      for (const answer of this.#asked.values()) answer([]);
    });
    process.on('message', (message: unknown) => {
      if (isToWorker(message)) this.#take(message);
    });
    this.#send({ kind: 'alive' });
    setInterval(() => this.#send({ kind: 'alive' }), ALIVE_EVERY_MS).unref();
  }

  /** What the first process says before anything else. */
  get begun(): Promise<Beginning> {
    return this.#begin.promise;
  }

  /** Resolves with why: a signal's name, or that the first process is gone. */
  get stopped(): Promise<string> {
    return this.#stop.promise;
  }

  get stoppedAgain(): Promise<string> {
    return this.#stopNow.promise;
  }

  get retired(): Promise<'retired'> {
    return this.#retire.promise;
  }

  /** How many workers serve, as far as is known here. */
  get serving(): number {
    return this.#serving;
  }

  sayServing(port: number): void {
    this.#send({ kind: 'serving', port });
  }

  /** Handed on to workers that start after this one. */
  tellRootKey(rootKey: KnownRootKey): void {
    this.#send({ kind: 'root-key', rootKey });
  }

  tellMetrics(value: unknown): void {
    this.#send({ kind: 'metrics', value });
  }

  channel(topic: Topic): Channel {
    return {
      send: async (message) => void (await this.#answered((id) => ({ kind: 'relay', id, topic, message }))),
      onMessage: (receive) => void this.#receivers.set(topic, receive),
      onCut: (cut) => void process.once('disconnect', cut),
    };
  }

  /** The answers of all workers that gave one in time, this one's among them; none when the first process is gone. */
  async ask(about: Question): Promise<readonly unknown[]> {
    return this.#answered((id) => ({ kind: 'ask', id, about }));
  }

  /** The first process's answer for this worker's part of a limit; undefined when none came. */
  async lease(question: LeaseQuestion): Promise<unknown> {
    const [answer] = await this.#answered((id) => ({ kind: 'lease', id, question }));
    return answer;
  }

  answers(about: Question, answer: () => Promise<unknown>): void {
    this.#answerers.set(about, answer);
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case 'begin':
        this.#begin.resolve(message.beginning);
        break;
      case 'fleet':
        this.#serving = message.serving;
        break;
      case 'retire':
        this.#retire.resolve('retired');
        break;
      case 'stop':
        this.#stop.resolve(message.reason);
        break;
      case 'stop-now':
        this.#stopNow.resolve(message.reason);
        break;
      case 'relayed':
        this.#receivers.get(message.topic)?.(message.message);
        this.#send({ kind: 'answer', id: message.id, value: true });
        break;
      case 'question':
        void this.#answer(message.id, message.about);
        break;
      case 'answers':
        this.#asked.get(message.id)?.(message.values);
        break;
      default:
        message satisfies never;
    }
  }

  async #answered(question: (id: number) => FromWorker): Promise<readonly unknown[]> {
    if (!process.connected) return [];
    this.#questions += 1;
    const id = this.#questions;
    const answers = Promise.withResolvers<readonly unknown[]>();
    // The first process answers in time, unless it stands still itself.
    const late = setTimeout(() => answers.resolve([]), LATE_MS);
    this.#asked.set(id, answers.resolve);
    this.#send(question(id));
    const values = await answers.promise;
    clearTimeout(late);
    this.#asked.delete(id);
    return values;
  }

  /** Whoever cannot answer is left out. */
  async #answer(id: number, about: Question): Promise<void> {
    try {
      const value = await this.#answerers.get(about)?.();
      if (value !== undefined) this.#send({ kind: 'answer', id, value });
    } catch {
      // The one who asked goes on without.
    }
  }

  #send(message: FromWorker): void {
    if (!process.connected) return;
    // The first process may be gone at any moment; `disconnect` tells of it.
    process.send?.(message, undefined, undefined, () => undefined);
  }
}
