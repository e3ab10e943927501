import type { AuditJournal, AuditRowDraft } from '../../ports/audit-journal.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { type ErrorCode, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { AuditFilter, AuditRepository, AuditRow } from '../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { AuditEntry, AuditLog } from './audit-log.ts';
import { EmergencyRows } from './emergency-rows.ts';
import { FailedSignIns } from './failed-sign-ins.ts';
import { LogTree } from './log-tree.ts';
import { RowChain } from './row-chain.ts';
import { RowDrafts } from './row-draft.ts';
import { RowPlacer } from './row-placer.ts';

export interface AuditLogDependencies {
  readonly repository: AuditRepository;
  /** Without one, a tree that begins at the log's beginning. */
  readonly tree?: LogTree;
  /** Without one, nothing goes on while the log cannot be written. */
  readonly journal?: AuditJournal;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** This replica's name. Each run of it gets a chain of its own, since a run that was killed cannot say where its chain ended. */
  readonly replica: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timing?: Partial<AuditTiming>;
}

export interface AuditTiming {
  /** How long one call of the database may take. */
  readonly answerMs: number;
  /** How soon a kept row is tried again; doubles up to 32 times that. */
  readonly retryMs: number;
  /** How long failed sign-ins are counted into one row (S29). */
  readonly signInWindowMs: number;
}

const defaultTiming: AuditTiming = { answerMs: 5_000, retryMs: 250, signInWindowMs: 60_000 };

/** Rows in one append. */
const MAX_GROUP = 256;
/** Calls that may fail before rows count as not written; while the log is known to be down, one. */
const FAILURES = 3;

/** An audit log that is ended by `close`, which writes what is still owed. */
export interface OwnAuditLog extends AuditLog {
  /**
   * Places what a process before has left in the emergency journal, unless it stands in the log already (S29). Returns how many rows that
   * were. Before anything else is written.
   */
  placeLeftRows(): Promise<number>;
  /** The same with the emergency journal of another process that is gone, and empties it. Rejects while the log cannot be written; safe to repeat. */
  placeRowsOf(journal: AuditJournal): Promise<void>;
  close(): Promise<void>;
}

/** Writes the audit log. */
export function createAuditLog(dependencies: AuditLogDependencies): OwnAuditLog {
  return new AuditWriter(dependencies);
}

/**
 * A row on its way into the log. `refuse` is there while somebody waits who can still be refused; a row without it (an outcome, a
 * count) tells of something that has happened, and is kept until it stands.
 */
interface Waiting {
  readonly draft: AuditRowDraft;
  kept: boolean;
  placed?: boolean;
  answer: { readonly resolve: (written: boolean) => void; readonly reject: (error: KeyholdError) => void } | null;
}

interface Group {
  readonly waiting: readonly Waiting[];
  readonly rows: readonly AuditRow[];
  readonly triedAt: number | null;
}

/**
 * One append at a time; rows that arrive meanwhile go together in the next one. A group whose append got no answer is settled first,
 * by repeating exactly that append, before any other row: so the chain never forks and no row is placed twice.
 */
class AuditWriter implements OwnAuditLog {
  readonly #repository: AuditRepository;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #timing: AuditTiming;
  readonly #drafts: RowDrafts;
  readonly #chain: RowChain;
  readonly #placer: RowPlacer;
  readonly #emergency: EmergencyRows | null;
  readonly #intents = new Map<string, { readonly draft: AuditRowDraft; readonly urgent: boolean }>();
  readonly #signIns = new FailedSignIns();
  /** Rows of other processes that are on their way into the log. */
  readonly #adopted = new Set<string>();
  #waiting: Waiting[] = [];
  #unsettled: Group | null = null;
  #flight: Promise<void> | null = null;
  #failures = 0;
  #closed = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #signInTimer: NodeJS.Timeout | undefined;

  constructor({ repository, tree, journal, clock, random, replica, log, metrics, timing }: AuditLogDependencies) {
    this.#repository = repository;
    this.#log = log;
    this.#metrics = metrics;
    this.#timing = { ...defaultTiming, ...timing };
    this.#drafts = new RowDrafts(clock, random);
    this.#chain = new RowChain(`${replica}.${random(4).toString('hex')}`, random);
    this.#placer = new RowPlacer(repository, tree ?? new LogTree(repository), random, this.#timing.answerMs);
    this.#emergency = journal === undefined ? null : new EmergencyRows(journal, log);
  }

  async placeLeftRows(): Promise<number> {
    if (this.#emergency === null) return 0;
    const owed = await this.#missing(this.#emergency.left);
    this.#emergency.owed(owed);
    this.#waiting.push(...owed.map((draft) => ({ draft, kept: true, answer: null })));
    if (owed.length > 0) await this.#flush();
    return owed.length;
  }

  async placeRowsOf(journal: AuditJournal): Promise<void> {
    const owed = await this.#missing(journal.left);
    const taken = owed.filter(({ id }) => !this.#adopted.has(id));
    // Once taken they are kept here until they stand; the other journal has them until then, too.
    for (const { id } of taken) this.#adopted.add(id);
    await Promise.all(taken.map((draft) => this.#write(draft, true)));
    if ((await this.#missing(owed)).length > 0) throw refused(undefined);
    await journal.clear();
    for (const { id } of owed) this.#adopted.delete(id);
  }

  async #missing(drafts: readonly AuditRowDraft[]): Promise<AuditRowDraft[]> {
    const missing: AuditRowDraft[] = [];
    for (const draft of drafts) if ((await this.#repository.find(draft.id)) === undefined) missing.push(draft);
    return missing;
  }

  async intent(entry: AuditEntry, { urgent = false }: { readonly urgent?: boolean } = {}): Promise<string> {
    const draft = this.#drafts.intent(entry);
    if (urgent && this.#emergency !== null) await this.#writeUrgently(draft, this.#emergency);
    else await this.#write(draft, false);
    this.#intents.set(draft.id, { draft, urgent });
    return draft.id;
  }

  async outcome(intentId: string, outcome: 'ok' | 'denied' | 'failed', code: ErrorCode | null, made: string | null = null): Promise<void> {
    const intent = this.#intents.get(intentId);
    if (intent === undefined) throw new KeyholdError('internal', 'An audit outcome was written without its intent, or twice.');
    this.#intents.delete(intentId);
    const draft = this.#drafts.outcome(intent.draft, outcome, code, made);
    const written = await this.#write(draft, true);
    if (written || !intent.urgent || this.#emergency === null) return;
    try {
      await this.#emergency.keep(draft);
    } catch (error) {
      this.#log.error('audit_outcome_not_journaled', 'The outcome of an operation is kept in memory alone until the audit log can be written.', { action: draft.action, error });
    }
  }

  async denied({ code, ...entry }: AuditEntry & { readonly code: ErrorCode }): Promise<void> {
    await this.#write(this.#drafts.denied(entry, code), false);
  }

  signInFailed(address: string): void {
    if (this.#closed) return;
    this.#signIns.note(address);
    this.#signInTimer ??= setTimeout(() => {
      this.#signInTimer = undefined;
      this.#writeSignIns();
    }, this.#timing.signInWindowMs).unref();
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow>> {
    return this.#repository.list(filter, page);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#signInTimer);
    this.#writeSignIns();
    await this.#flight;
    clearTimeout(this.#retryTimer);
    if (this.#owesRows()) await this.#flush();
    clearTimeout(this.#retryTimer);
    const lost = [...this.#waiting, ...(this.#unsettled?.waiting ?? [])].filter(({ draft }) => this.#emergency?.has(draft.id) !== true).length;
    if (lost > 0) this.#log.error('audit_rows_lost', 'Keyhold stops while the audit log cannot be written: the outcomes of these operations are missing in it.', { count: lost });
  }

  #writeSignIns(): void {
    const failed = this.#signIns.take();
    if (failed === undefined) return;
    this.#waiting.push({ draft: this.#drafts.signInsFailed(failed.count, failed.addresses), kept: true, answer: null });
    void this.#flush();
  }

  /** Resolves with whether the row stands in the log. A row that is not kept rejects when it does not. */
  async #write(draft: AuditRowDraft, kept: boolean): Promise<boolean> {
    return this.#push({ draft, kept, answer: null });
  }

  /** Into the log, or else into the emergency journal. Rejects when neither can be written. */
  async #writeUrgently(draft: AuditRowDraft, emergency: EmergencyRows): Promise<void> {
    if (this.#closed) throw refused(undefined);
    const waiting: Waiting = { draft, kept: true, answer: null };
    if (await this.#push(waiting)) return;
    try {
      await emergency.keep(draft);
    } catch (error) {
      if (waiting.placed === true) return;
      // Nobody waits for it any more: it is dropped, or, where it may stand already, ended as refused.
      waiting.kept = false;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      throw refused(error);
    }
  }

  async #push(waiting: Waiting): Promise<boolean> {
    if (this.#closed && !waiting.kept) throw refused(undefined);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    waiting.answer = { resolve, reject };
    this.#waiting.push(waiting);
    // Knowing that the log is down, what is kept need not wait for the next attempt to fail.
    if (waiting.kept && this.#failures > 0) resolve(false);
    void this.#flush();
    return promise;
  }

  #owesRows(): boolean {
    return this.#waiting.length > 0 || this.#unsettled !== null;
  }

  async #flush(): Promise<void> {
    this.#flight ??= this.#fly();
    return this.#flight;
  }

  async #fly(): Promise<void> {
    // The rows of one tick go together.
    await Promise.resolve();
    try {
      await this.#placeAll();
    } finally {
      // In the same tick as the last look at what waits, so that a row which comes then starts a flight of its own.
      this.#flight = null;
    }
  }

  /** Never rejects: ends when nothing is left to place, or at the first group that cannot be. */
  async #placeAll(): Promise<void> {
    while (this.#owesRows()) {
      const group = this.#unsettled ?? this.#nextGroup();
      const placement = await this.#placer.place(group.rows, group.triedAt, this.#failures > 0 ? 1 : FAILURES);
      this.#unsettled = null;
      if (placement.state === 'placed') {
        this.#chain.placed(group.rows);
        this.#settle(group.waiting);
        this.#recovered();
        continue;
      }
      if (placement.state === 'unknown') this.#unsettled = { ...group, triedAt: placement.position };
      else this.#waiting.unshift(...group.waiting.filter(({ kept }) => kept));
      this.#failed(group.waiting, placement.cause);
      return;
    }
  }

  #nextGroup(): Group {
    const waiting = this.#waiting.splice(0, MAX_GROUP);
    return { waiting, rows: this.#chain.link(waiting.map(({ draft }) => draft)), triedAt: null };
  }

  #settle(placed: readonly Waiting[]): void {
    this.#emergency?.placed(placed.map(({ draft }) => draft));
    for (const waiting of placed) {
      waiting.placed = true;
      const { draft, kept, answer } = waiting;
      if (answer !== null) answer.resolve(true);
      // Its caller was refused before it was known that the row stands: the log says so.
      else if (draft.phase === 'intent' && !kept) this.#waiting.push({ draft: this.#drafts.outcome(draft, 'failed', 'unavailable'), kept: true, answer: null });
    }
  }

  /** Nobody waits on a log that is down: who can be refused is, who cannot gets on while the row is kept. */
  #failed(group: readonly Waiting[], cause: unknown): void {
    this.#metrics.auditFailed();
    if (this.#failures === 0) {
      this.#log.error('audit_unavailable', 'The audit log cannot be written. Operations on keys are refused until it can; check the database and its disk.', { error: cause });
    }
    this.#failures += 1;
    const error = refused(cause);
    for (const waiting of [...group, ...this.#waiting]) {
      if (waiting.kept) waiting.answer?.resolve(false);
      else waiting.answer?.reject(error);
      waiting.answer = null;
    }
    this.#waiting = this.#waiting.filter(({ kept }) => kept);
    if (!this.#owesRows() || this.#closed) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      void this.#flush();
    }, this.#timing.retryMs * 2 ** Math.min(this.#failures - 1, 5)).unref();
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#log.info('audit_recovered', 'The audit log can be written again.');
  }
}

function refused(cause: unknown): KeyholdError {
  return new KeyholdError(
    'unavailable',
    'The audit log cannot be written, so the operation was refused and nothing was changed. Try again in a moment; if it goes on, an operator has to look at the database and its disk.',
    { retryAfterSeconds: 5, cause },
  );
}
