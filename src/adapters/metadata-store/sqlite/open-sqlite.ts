import { stat } from 'node:fs/promises';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { TransferableStore } from '../../../ports/metadata/transfer.ts';
import { StartError } from '../../../ports/start-error.ts';
import { createSqlStore } from '../sql/sql-store.ts';
import { openProblem, SqliteFailure } from './sqlite-errors.ts';
import { OpenRefused, SqliteExecutor } from './sqlite-executor.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import type { Failure } from './worker-protocol.ts';

export interface SqliteOptions {
  /** Absolute; made (0600) when it does not exist, in a folder that does. */
  readonly file: string;
  readonly clock: Clock;
}

/**
 * Opens the embedded database and brings it to this version's schema. Throws `StartError` that says what to do: exit code 7 for a
 * database of a newer Keyhold, 8 for a full disk, 4 for a file that cannot be written, 5 for one that another program holds, 1 else.
 */
export async function openSqliteStore({ file, clock }: SqliteOptions): Promise<TransferableStore> {
  try {
    const store = createSqlStore(await SqliteExecutor.open({ file, now: clock.now() }), sqliteDialect);
    const opened = await identity(file);
    return {
      ...store,
      // SQLite goes on with a file that was moved, removed or replaced under it, and what it writes there is gone with its process.
      ping: async () => {
        if ((await identity(file)) !== opened) throw new KeyholdError('unavailable', 'The database file is not where it was opened. Stop Keyhold and put it back.');
        await store.ping();
      },
    };
  } catch (error) {
    throw startError(file, error);
  }
}

/** Which file has this name now; undefined when none can be seen. */
async function identity(file: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function startError(file: string, error: unknown): StartError {
  if (!(error instanceof OpenRefused)) return new StartError(1, `The database ${file} could not be opened: its thread stopped.`, { cause: error });
  const { report } = error;
  if (report.reason === 'failed') return problemError(file, report.failure);
  if (report.reason === 'foreign') {
    return new StartError(1, `${file} is a database of another program. Name another file in KEYHOLD_DATABASE_URL (sqlite:<file>).`);
  }
  return new StartError(
    7,
    `The database ${file} has version ${report.found}, made by a newer Keyhold; this one knows versions up to ${report.known}. ` +
      'Start the newer Keyhold again, or restore a backup that was made before the upgrade.',
  );
}

function problemError(file: string, failure: Failure): StartError {
  const cause = new SqliteFailure(failure);
  switch (openProblem(failure)) {
    case 'disk full':
      return new StartError(8, `The disk is full: the database ${file} cannot be written. Make room on it and start again.`, { cause });
    case 'not permitted':
      return new StartError(4, `The database ${file} cannot be opened for writing (${failure.message}). Give the user that runs Keyhold write access to it and its folder.`, { cause });
    case 'in use':
      return new StartError(5, `Another program holds the database ${file}. Stop it and start again.`, { cause });
    case 'damaged':
      return new StartError(1, `${file} is damaged, or no database. Restore it from a backup, or name another file in KEYHOLD_DATABASE_URL (sqlite:<file>).`, { cause });
    default:
      return new StartError(1, `The database ${file} could not be opened (${failure.message}).`, { cause });
  }
}
