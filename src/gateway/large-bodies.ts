import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ApiFormat, BodyRules } from '../core/catalog/service.ts';
import { type ErrorCode, KeyholdError } from '../ports/errors.ts';
import type { BodyFacts } from './body-facts.ts';

export interface ScanTask {
  readonly id: number;
  readonly format: ApiFormat;
  readonly bytes: ArrayBuffer;
}

export interface ScanAnswer {
  readonly id: number;
  readonly bytes: ArrayBuffer;
  readonly facts: BodyFacts | null;
  readonly refusal: { readonly code: ErrorCode; readonly publicMessage: string } | null;
}

interface Waiting {
  readonly resolve: (read: { body: Buffer; facts: BodyFacts }) => void;
  readonly reject: (error: KeyholdError) => void;
}

/** Reads bodies that are too large for the event loop, in one worker that starts with the first of them (S34). */
export class LargeBodies {
  readonly #rules: Readonly<Record<ApiFormat, BodyRules>>;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(rules: Readonly<Record<ApiFormat, BodyRules>>) {
    this.#rules = rules;
  }

  /**
   * The facts of a body, and the body again: its memory goes to the worker and comes back, without a copy, so the caller's buffer
   * must not be used any more. It has to own its memory. Throws what `readFacts` throws, and `internal` when the worker dies.
   */
  read(body: Buffer<ArrayBuffer>, format: ApiFormat): Promise<{ body: Buffer; facts: BodyFacts }> {
    this.#lastId += 1;
    const task: ScanTask = { id: this.#lastId, format, bytes: body.buffer };
    const read = new Promise<{ body: Buffer; facts: BodyFacts }>((resolve, reject) => {
      this.#waiting.set(task.id, { resolve, reject });
    });
    this.#started().postMessage(task, [task.bytes]);
    return read;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL(`./body-scan.worker${extname(import.meta.filename)}`, import.meta.url), { workerData: this.#rules });
    worker.unref();
    worker.on('message', (answer: ScanAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', () => this.#died(worker, undefined));
    this.#worker = worker;
    return worker;
  }

  #answered({ id, bytes, facts, refusal }: ScanAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (facts === null) waiting?.reject(new KeyholdError(refusal?.code ?? 'internal', refusal?.publicMessage ?? 'The body could not be read.'));
    else waiting?.resolve({ body: Buffer.from(bytes), facts });
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new KeyholdError('internal', 'The request body could not be read. Send it again.', { cause }));
  }
}
