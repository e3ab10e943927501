import { KeyholdError } from '../../../ports/errors.ts';

/**
 * What went wrong underneath, for the log. Its text is the server's or the system's; what the server adds to it (`detail`, which may quote rows) stays
 * behind. `code` is the server's SQLSTATE or the system's code, `ENOSPC` for a full disk, by which `isDiskFull` knows it.
 */
export class PostgresFailure extends Error {
  readonly code: string | undefined;

  constructor(error: unknown) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
    // A connection that failed at several addresses has a code and no words.
    super(error instanceof Error && error.message !== '' ? error.message : (code ?? 'unknown'));
    this.name = 'PostgresFailure';
    this.code = code === DISK_FULL ? 'ENOSPC' : code;
  }
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNIQUE_VIOLATION = '23505';
const SERIALIZATION_FAILURE = '40001';
const DISK_FULL = '53100';
/** An index cannot hold a name of some thousand characters that do not compress. */
const PROGRAM_LIMIT = '54000';
const READ_ONLY = '25006';
const CORRUPTED = ['XX001', 'XX002'];
/** Connections, resources, an operator's doing, the system, a limit of time: they pass. */
const PASSING = /^(?:08|53|55|57|58|40)/u;

/** The server's code for an error that it sent itself; undefined for one of this side (the network, a limit of time). */
export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[\dA-Z]{5}$/u.test(code) && error instanceof Error && 'severity' in error ? code : undefined;
}

/** Whether the connection, or the server behind it, can be of no further use: the next statement goes over another one. */
export function endsConnection(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || state === READ_ONLY || /^(?:08|57P|XX)/u.test(state);
}

/**
 * The port's error for a statement that failed. `conflict` where somebody else's write came first, `invalid_argument` for a name that no index can hold, `corrupt` for
 * damaged files, `unavailable` for what may pass (a write may have happened), else `internal`.
 */
export function translate(error: unknown): KeyholdError {
  if (error instanceof KeyholdError) return error;
  const cause = new PostgresFailure(error);
  const state = sqlStateOf(error);
  if (state === UNIQUE_VIOLATION || state === SERIALIZATION_FAILURE) return new KeyholdError('conflict', 'The record was changed by someone else in the meantime.', { cause });
  if (state === DISK_FULL) return new KeyholdError('unavailable', 'The disk of the database server is full. Make room on it and send the request again.', { cause, retryAfterSeconds: 10 });
  if (state === PROGRAM_LIMIT) return new KeyholdError('invalid_argument', 'A name is longer than the database can keep. Use a shorter one.', { cause });
  if (state === READ_ONLY) return new KeyholdError('unavailable', 'The database server takes no writes now. Send the request again when it is the primary one.', { cause, retryAfterSeconds: 5 });
  if (state !== undefined && CORRUPTED.includes(state)) return new KeyholdError('corrupt', 'The database is damaged. Restore it from a backup.', { cause });
  // Class 28: it no longer lets us in, with a password that was right at the start.
  if (state === undefined || PASSING.test(state) || state.startsWith('28')) return unavailable(cause);
  return new KeyholdError('internal', 'Something went wrong inside Keyhold. The request id finds the reason in the log.', { cause });
}

export function unavailable(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', 'The database cannot answer now. Send the request again.', { cause, retryAfterSeconds: 1 });
}
