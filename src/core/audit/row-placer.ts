import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { AuditRepository, AuditRow } from '../../ports/metadata/audit.ts';
import type { LogTree } from './log-tree.ts';

/**
 * What came of placing rows. `absent`: they are certainly not in the log. `unknown`: the last append at `position` got no answer,
 * so they may stand there, now or later; only the same rows may be tried again until that is settled.
 */
export type Placement =
  | { readonly state: 'placed' }
  | { readonly state: 'absent'; readonly cause: unknown }
  | { readonly state: 'unknown'; readonly position: number; readonly cause: unknown };

/** Other replicas take the end of the log in between: each loss is somebody's progress, so this is generous. */
const MAX_CONFLICTS = 20;
const MAX_PAUSE_MS = 200;

/**
 * Puts rows at the end of the log. The end moves by compare-and-set alone (S30), which also makes an unanswered append safe: the
 * same rows at the same position can be placed once at most, so the append is repeated, and a `conflict` is looked into.
 */
export class RowPlacer {
  readonly #repository: AuditRepository;
  readonly #tree: LogTree;
  readonly #random: RandomBytes;
  readonly #answerMs: number;
  /** The tree reaches the log's end as far as is known. */
  #atEnd = false;

  /** `answerMs`: how long one call of the database may take until it counts as unanswered. */
  constructor(repository: AuditRepository, tree: LogTree, random: RandomBytes, answerMs: number) {
    this.#repository = repository;
    this.#tree = tree;
    this.#random = random;
    this.#answerMs = answerMs;
  }

  /** Never rejects. `triedAt` is the position of an earlier `unknown` placement of these very rows; `failures` how many may fail before it gives up. */
  async place(rows: readonly AuditRow[], triedAt: number | null, failures: number): Promise<Placement> {
    let tried = triedAt;
    let failed = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (!this.#atEnd) await this.#answer(this.#tree.catchUp());
        this.#atEnd = true;
        if (tried !== null && this.#tree.size > tried) {
          if (await this.#standsAt(tried, rows)) return { state: 'placed' };
          tried = null;
        }
        const prepared = await this.#answer(this.#tree.prepare(rows));
        tried ??= prepared.position;
        if (prepared.position === tried) {
          await this.#answer(this.#repository.append(tried, prepared.leaves));
          this.#tree.placed(prepared);
          return { state: 'placed' };
        }
      } catch (error) {
        this.#atEnd = false;
        if (!(error instanceof KeyholdError && error.code === 'conflict')) failed += 1;
        if (failed >= failures || attempt >= MAX_CONFLICTS) {
          return tried === null ? { state: 'absent', cause: error } : { state: 'unknown', position: tried, cause: error };
        }
      }
      await this.#pause(attempt);
    }
  }

  /** Whether it is these rows that stand at the position; rows go in all or none, so the first one tells. */
  async #standsAt(position: number, rows: readonly AuditRow[]): Promise<boolean> {
    const [found] = await this.#answer(this.#repository.read(null, position, 1));
    return found !== undefined && found.id === rows[0]?.id;
  }

  /** A database that never answers must not hold an operation for ever. */
  async #answer<T>(call: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new KeyholdError('unavailable', 'The database did not answer in time.'));
    }, this.#answerMs);
    try {
      return await Promise.race([call, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #pause(attempt: number): Promise<void> {
    const jitter = this.#random(1).readUInt8() / 255;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, Math.min(4 * 2 ** attempt, MAX_PAUSE_MS) * jitter);
    await promise;
  }
}
