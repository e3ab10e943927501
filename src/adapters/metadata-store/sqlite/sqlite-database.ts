import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { migrate, requireOurs } from './migrate.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { failureOf, isFullCode } from './sqlite-errors.ts';
import type { Answer, Statement, WorkerOptions } from './worker-protocol.ts';

/** How long a lock of another program (a backup, a shell) is waited for. */
const BUSY_TIMEOUT_MS = 5_000;
/** Statements that stay prepared; the product has fewer than this, filters of lists included. */
const MAX_PREPARED = 256;

/**
 * The connection, as the worker uses it: synchronous, with group commit. Whatever writes come together share one transaction and one
 * fsync, and each is answered after the COMMIT.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** Opens or makes the file (0600) and brings it to the present version. Throws what the system, SQLite or `requireOurs` throws. */
  constructor({ file, now }: WorkerOptions) {
    makePrivate(file);
    this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
    try {
      requireOurs(this.#database, allMigrations);
      // WAL keeps readers and the writer out of each other's way; FULL makes each commit durable; secure_delete leaves no removed
      // envelope in free pages (S16); fullfsync is what durable means on macOS.
      this.#database.exec(`
        PRAGMA secure_delete = ON;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA fullfsync = ON;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA cache_size = -32768;
        PRAGMA temp_store = MEMORY;
        PRAGMA trusted_schema = OFF;
      `);
      migrate(this.#database, allMigrations, now);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Runs a batch: the reads first, on what is committed, then the writes, and then what wipes. `answer` is called once for each of them. */
  run(statements: readonly Statement[], answer: (answers: readonly Answer[]) => void): void {
    const reads = statements.filter(({ access }) => access === 'read');
    if (reads.length > 0) answer(reads.map((read) => this.#attempt(read)));
    const writes = statements.filter(({ access }) => access === 'write');
    if (writes.length > 0) answer(this.#commit(writes));
    const wipes = statements.filter(({ access }) => access === 'wipe');
    if (wipes.length > 0) answer(wipes.map((wipe) => this.#wipe(wipe)));
  }

  /** Writes the WAL back into the file and closes it. */
  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #commit(writes: readonly Statement[]): readonly Answer[] {
    if (writes.length === 1) return this.#singly(writes);
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const answers: Answer[] = [];
      for (const write of writes) {
        answers.push(this.#attempt(write));
        // A failed statement is undone alone. On some errors, though, SQLite undoes the whole transaction (a full disk, no memory):
        // then each has its own try, and none may run before that, since it would be committed at once and then again.
        if (!this.#database.isTransaction) return this.#singly(writes);
      }
      this.#database.exec('COMMIT');
      return answers;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const failure = failureOf(error);
      return isFullCode(failure.errcode) ? this.#singly(writes) : writes.map(({ id }) => ({ id, failure }));
    }
  }

  #singly(writes: readonly Statement[]): readonly Answer[] {
    return writes.map((write) => this.#attempt(write));
  }

  #attempt({ id, sql, values }: Statement): Answer {
    try {
      return { id, rows: this.#prepare(sql).all(...values) };
    } catch (error) {
      return { id, failure: failureOf(error) };
    }
  }

  /**
   * secure_delete has overwritten the pages; what stood in them before is still in the WAL. Another program that reads keeps it there, and is not waited for, since
   * everybody else would wait, too: the row's `busy` tells.
   */
  #wipe({ id }: Statement): Answer {
    try {
      this.#database.exec('PRAGMA busy_timeout = 0');
      return { id, rows: this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all() };
    } catch (error) {
      return { id, failure: failureOf(error) };
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.#database.prepare(sql);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size >= MAX_PREPARED && oldest !== undefined) this.#prepared.delete(oldest);
    this.#prepared.set(sql, made);
    return made;
  }
}

/**
 * The file is its owner's alone from its first moment; its WAL gets the same mode from SQLite. A file that exists is never opened here:
 * closing it again would drop the locks of another connection of this process (POSIX locks belong to the process).
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const { mode } = lstatSync(file);
    if ((mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}
