import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { KeyholdError } from '../../../ports/errors.ts';
import { numberOf, type SqlExecutor, type SqlRow, type SqlValue } from '../sql/executor.ts';
import { translate } from './sqlite-errors.ts';
import type { Answer, Order, Report, Statement, WorkerOptions } from './worker-protocol.ts';

/** Statements, and characters of their values, that are with the worker at a time; the rest waits here. */
const MAX_UNDER_WAY = 512;
const MAX_CHARACTERS_UNDER_WAY = 8 * 1024 * 1024;
/** Statements that may wait; more are refused, since their callers would be gone before their turn came. */
const MAX_WAITING = 20_000;

/** The worker said why the database cannot be opened. */
export class OpenRefused extends Error {
  readonly report: Extract<Report, { readonly kind: 'refused' }>;

  constructor(report: Extract<Report, { readonly kind: 'refused' }>) {
    super(`the database was not opened: ${report.reason}`);
    this.name = 'OpenRefused';
    this.report = report;
  }
}

interface Pending {
  readonly statement: Statement;
  readonly characters: number;
  readonly resolve: (rows: readonly SqlRow[]) => void;
  readonly reject: (error: KeyholdError) => void;
}

/**
 * SQLite behind one worker thread. What is asked in one turn of the event loop travels as one message, and the worker commits
 * everything that has arrived together. When the worker dies, everything open and everything later is `unavailable`.
 */
export class SqliteExecutor implements SqlExecutor {
  readonly #worker: Worker;
  readonly #underWay = new Map<number, Pending>();
  readonly #opened = Promise.withResolvers<undefined>();
  readonly #ended: Promise<void>;
  #waiting: Pending[] = [];
  #charactersUnderWay = 0;
  #nextId = 0;
  #flushing = false;
  #closing = false;
  #closeSent = false;
  #failure: unknown;
  #dead = false;

  /** Starts the worker; rejects with `OpenRefused`, or with what stopped the worker. */
  static async open(options: WorkerOptions): Promise<SqliteExecutor> {
    const name = `./sqlite.worker${extname(import.meta.filename)}`;
    // An empty environment, since the worker needs none of ours and secrets may be in it; and no flags of the process that start
    // something else (`--input-type`, `--import`). A diagnostic report tells the process's environment once for each thread that was
    // not told to leave it out (S36).
    const worker = new Worker(new URL(name, import.meta.url), { workerData: options, env: {}, execArgv: ['--report-exclude-env'], name: 'keyhold-sqlite' });
    const executor = new SqliteExecutor(worker);
    await executor.#opened.promise;
    return executor;
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (report: Report) => {
      if (report.kind === 'answers') this.#settle(report.answers);
      else if (report.kind === 'opened') this.#opened.resolve(undefined);
      else this.#opened.reject(new OpenRefused(report));
    });
    worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#abandon();
        resolve();
      });
    });
  }

  read(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#ask('read', sql, values);
  }

  write(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#ask('write', sql, values);
  }

  async wipe(): Promise<void> {
    const [row] = await this.#ask('wipe', '', []);
    if (row === undefined || numberOf(row, 'busy') !== 0) {
      throw new KeyholdError('unavailable', 'Another program is reading the database, so what was removed is still in the log beside it. Close that program.', { retryAfterSeconds: 5 });
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#flush();
    await this.#ended;
  }

  #ask(access: Statement['access'], sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    if (this.#dead) return Promise.reject(this.#stopped());
    if (this.#closing) return Promise.reject(new KeyholdError('unavailable', 'Keyhold is shutting down. Send the request again.', { retryAfterSeconds: 1 }));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new KeyholdError('unavailable', 'The database has too much to do. Send the request again.', { retryAfterSeconds: 1, outage: 'busy' }));
    }
    return new Promise((resolve, reject) => {
      let characters = 0;
      for (const value of values) if (typeof value === 'string') characters += value.length;
      this.#waiting.push({ statement: { id: this.#nextId, access, sql, values }, characters, resolve, reject });
      this.#nextId += 1;
      if (this.#flushing) return;
      this.#flushing = true;
      queueMicrotask(() => this.#flush());
    });
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#dead) return;
    const batch: Statement[] = [];
    let taken = 0;
    for (const pending of this.#waiting) {
      const full = this.#underWay.size >= MAX_UNDER_WAY || this.#charactersUnderWay >= MAX_CHARACTERS_UNDER_WAY;
      if (full) break;
      this.#underWay.set(pending.statement.id, pending);
      this.#charactersUnderWay += pending.characters;
      batch.push(pending.statement);
      taken += 1;
    }
    this.#waiting = this.#waiting.slice(taken);
    if (batch.length > 0) this.#send(batch);
    if (this.#closing && !this.#closeSent && this.#waiting.length === 0) {
      this.#closeSent = true;
      this.#send('close');
    }
  }

  #send(order: Order): void {
    this.#worker.postMessage(order, []);
  }

  #settle(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const pending = this.#underWay.get(answer.id);
      if (pending === undefined) continue;
      this.#underWay.delete(answer.id);
      this.#charactersUnderWay -= pending.characters;
      if ('rows' in answer) pending.resolve(answer.rows);
      else pending.reject(translate(answer.failure));
    }
    if (this.#waiting.length > 0) this.#flush();
  }

  /** The worker is gone: whether what it had under way was committed is not known, and `unavailable` does not claim to. */
  #abandon(): void {
    this.#dead = true;
    this.#opened.reject(this.#stopped());
    const open = [...this.#underWay.values(), ...this.#waiting];
    this.#underWay.clear();
    this.#waiting = [];
    for (const { reject } of open) reject(this.#stopped());
  }

  #stopped(): KeyholdError {
    const said = this.#closing && this.#failure === undefined ? 'The database is closed.' : 'The thread that holds the database has stopped. Restart Keyhold; its log has the reason.';
    return new KeyholdError('unavailable', said, { cause: this.#failure });
  }
}
