import { KeyholdError } from '../../../ports/errors.ts';
import { StartError } from '../../../ports/start-error.ts';
import { NewerDatabaseError } from '../newer-database.ts';
import { PostgresFailure, sqlStateOf } from './postgres-errors.ts';
import type { PostgresServer } from './postgres-server.ts';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const NO_SUCH_DATABASE = '3D000';
const NO_PRIVILEGE = '42501';
const DISK_FULL = '53100';

/** Whether another try may go well in a moment: the server cannot be reached, starts or ends, has no room for another connection, or has ended a transaction that stood still. */
export function mayPass(error: unknown): boolean {
  if (error instanceof KeyholdError) return error.code === 'unavailable';
  if (error instanceof StartError || error instanceof NewerDatabaseError) return false;
  const state = sqlStateOf(error);
  return state === undefined ? !isTlsOrPassword(error) : /^(?:08|57P0|53[03]|25P03)/u.test(state);
}

/** Why the database cannot be opened, for the person who starts Keyhold. What it holds of the server's own words has no password in it. */
export function startError(server: PostgresServer, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const { host, port, database, user } = server;
  const where = host.startsWith('/') ? `at ${host}` : `at ${host}:${port}`;
  if (error instanceof NewerDatabaseError) {
    return new StartError(7, `The database ${database} ${where} has version ${error.found}, made by a newer Keyhold; this one knows versions up to ${error.known}. Start the newer Keyhold again, or restore a backup that was made before the upgrade.`);
  }
  const cause = error instanceof KeyholdError ? error : new PostgresFailure(error);
  const state = sqlStateOf(error);
  const said = cause.message;
  if (state?.startsWith('28') === true || isPasswordMissing(error)) {
    return new StartError(2, `PostgreSQL ${where} does not let ${user} in (${said}). Check the user's name and password in KEYHOLD_DATABASE_URL, or the password in DATABASE_PASSWORD, and the server's pg_hba.conf.`, { cause });
  }
  if (state === NO_SUCH_DATABASE) return new StartError(2, `PostgreSQL ${where} has no database ${database}. Make it (CREATE DATABASE ${database} OWNER ${user};), or name another one in KEYHOLD_DATABASE_URL.`, { cause });
  if (state === NO_PRIVILEGE) {
    return new StartError(2, `PostgreSQL ${where} does not let ${user} work in the database ${database} (${said}). Make it the database's owner, or let it make its own schema: GRANT CREATE ON DATABASE ${database} TO ${user}; docs/databases.md has every grant.`, { cause });
  }
  if (state === DISK_FULL) return new StartError(8, `The disk of PostgreSQL ${where} is full. Make room on it and start again.`, { cause });
  if (isTls(error)) {
    return new StartError(2, `PostgreSQL ${where} cannot be reached over TLS (${said}). Name the authority that issued its certificate with sslrootcert=<file> in KEYHOLD_DATABASE_URL, and the host as the certificate has it; docs/databases.md says what each sslmode checks.`, { cause });
  }
  if (mayPass(error)) return new StartError(1, `PostgreSQL ${where} cannot be reached (${said}). Start it, or correct KEYHOLD_DATABASE_URL.`, { cause });
  return new StartError(1, `The database ${database} ${where} could not be opened (${said}).`, { cause });
}

function isTlsOrPassword(error: unknown): boolean {
  return isTls(error) || isPasswordMissing(error);
}

/** The library's own words where the server asks for a password and there is none. */
function isPasswordMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password');
}

function isTls(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/u.test(code) || error.message === 'The server does not support SSL connections';
}
