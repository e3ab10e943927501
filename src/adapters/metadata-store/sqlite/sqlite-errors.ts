import { KeyholdError } from '../../../ports/errors.ts';
import type { Failure } from './worker-protocol.ts';

// Primary result codes, https://sqlite.org/rescode.html
const NOMEM = 7;
const READONLY = 8;
const INTERRUPT = 9;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const PROTOCOL = 15;
const NOTADB = 26;
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
/** Extended: the shared memory beside the WAL could not grow, which is how a full disk shows at the opening. */
const IOERR_SHMSIZE = IOERR | (19 << 8);

/** An error of SQLite or the system in a form that crosses threads. */
export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : 'unknown';
  const errcode = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
  const syscode = error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  return { message, errcode, syscode };
}

export function isFullCode(errcode: number): boolean {
  return (errcode & 0xff) === FULL || errcode === IOERR_SHMSIZE;
}

/** What went wrong underneath, for the log; on a full disk it carries the system's code for that, by which `isDiskFull` knows it. */
export class SqliteFailure extends Error {
  readonly errcode: number;
  readonly code: string | undefined;

  constructor({ message, errcode, syscode }: Failure) {
    super(message);
    this.name = 'SqliteFailure';
    this.errcode = errcode;
    this.code = isFullCode(errcode) ? 'ENOSPC' : (syscode ?? undefined);
  }
}

/** Why a database could not be opened, as far as its user can do something about it. */
export type OpenProblem = 'disk full' | 'not permitted' | 'in use' | 'damaged' | 'other';

export function openProblem(failure: Failure): OpenProblem {
  if (isFullCode(failure.errcode) || failure.syscode === 'ENOSPC' || failure.syscode === 'EDQUOT') return 'disk full';
  switch (failure.errcode & 0xff) {
    case PERM:
    case READONLY:
    case CANTOPEN:
      return 'not permitted';
    case BUSY:
    case LOCKED:
      return 'in use';
    case CORRUPT:
    case NOTADB:
      return 'damaged';
    default:
      return failure.syscode === null ? 'other' : 'not permitted';
  }
}

/** The port's error for a statement that failed: `unavailable` for what may pass, `corrupt` for a damaged file, else `internal`. */
export function translate(failure: Failure): KeyholdError {
  const cause = new SqliteFailure(failure);
  if (isFullCode(failure.errcode)) {
    return new KeyholdError('unavailable', 'The disk that holds the database is full. Make room on it and send the request again.', { cause, retryAfterSeconds: 10 });
  }
  switch (failure.errcode & 0xff) {
    case PERM:
    case BUSY:
    case LOCKED:
    case NOMEM:
    case READONLY:
    case INTERRUPT:
    case IOERR:
    case CANTOPEN:
    case PROTOCOL:
      return new KeyholdError('unavailable', 'The database cannot answer now. Send the request again.', { cause, retryAfterSeconds: 1 });
    case CORRUPT:
    case NOTADB:
      return new KeyholdError('corrupt', 'The database file is damaged. Restore it from a backup.', { cause });
    default:
      return new KeyholdError('internal', 'Something went wrong inside Keyhold. The request id finds the reason in the log.', { cause });
  }
}
