import type { PoolConfig } from 'pg';
import type { SecretValue } from '../../../ports/secret-value.ts';

/** What libpq calls sslmode, without those that go on unencrypted when the server says so. */
export type PostgresTlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full';

/** How the connection is protected. */
interface PostgresTls {
  /** `require` encrypts without looking at the server's certificate; `verify-ca` looks who issued it, `verify-full` also whose it is. */
  readonly mode: PostgresTlsMode;
  /** PEM texts; without `ca` the certificates that every program trusts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A database of a PostgreSQL server, as one reaches it. */
export interface PostgresServer {
  /** A name, an address, or the folder of its socket on this machine. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly tls: PostgresTls;
  /** Most connections of one process. */
  readonly connections: number;
}

/** The password as it is now; undefined where the server asks for none. Asked again for each connection, since it may have been changed. May throw `unavailable`. */
export type PostgresPassword = () => SecretValue | undefined;

/** How long a connection may take to come about. */
const CONNECT_MS = 5_000;
/** Longer than any statement of ours takes on a server that works; the server ends it then, and a little later this side does. */
const STATEMENT_MS = 8_000;
const ANSWER_MS = STATEMENT_MS + 2_000;
const IDLE_MS = 60_000;
/** OID of int8, https://www.postgresql.org/docs/current/catalog-pg-type.html */
const INT8 = 20;

/**
 * Where all tables are. Its name is ours alone, whatever else the database holds, and set by each connection for itself, as is what the rules of records
 * rest on: a statement sees what was committed when it began (read committed), and is on the server's disk when it is answered.
 */
export const SCHEMA = 'keyhold';
export const SESSION = `
  SET search_path TO ${SCHEMA};
  SET default_transaction_isolation TO 'read committed';
  SET statement_timeout TO ${STATEMENT_MS};
  SET lock_timeout TO ${STATEMENT_MS};
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
`;

/** What the library needs to connect. Nothing comes from its own variables (`PGPASSWORD`, `PGSSLMODE`) or files. */
export function connectionConfig({ host, port, database, user, tls, connections }: PostgresServer, password: PostgresPassword): PoolConfig {
  return {
    host,
    port,
    database,
    user,
    // A text without characters still counts as given, so that none is looked for elsewhere.
    password: () => password()?.reveal() ?? '',
    ssl: tlsOptions(tls),
    sslnegotiation: 'postgres',
    application_name: 'keyhold',
    max: connections,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    types: { getTypeParser: (oid: number) => (oid === INT8 ? Number : String) },
  };
}

function tlsOptions({ mode, ca, cert, key }: PostgresTls): Exclude<PoolConfig['ssl'], undefined> {
  if (mode === 'disable') return false;
  return {
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
