import type { PostgresTlsMode } from '../adapters/metadata-store/postgres/postgres-server.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { InvalidValue } from './invalid-value.ts';
import { isLoopback } from './loopback.ts';

/** A PostgreSQL database as its URL names it. */
export interface PostgresUrl {
  readonly kind: 'postgres';
  /** A name, an address, or the folder of a socket (`host=/run/postgresql` in the query). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** null: not in the URL. */
  readonly password: SecretValue | null;
  /** Whether the connection stays on this machine. */
  readonly isLocal: boolean;
  readonly tls: PostgresTlsMode;
  /** Files as they were written, by the name of their parameter. */
  readonly files: Readonly<Partial<Record<TlsFile, string>>>;
  readonly connections: number;
}

const tlsFiles = ['sslrootcert', 'sslcert', 'sslkey'] as const;
export type TlsFile = (typeof tlsFiles)[number];

const DEFAULT_PORT = 5432;
const DEFAULT_CONNECTIONS = 10;
const MOST_CONNECTIONS = 500;
const WRITTEN_AS = 'write postgres://user:password@host:5432/database, with @ : / ? # % in the password as %40 %3A %2F %3F %23 %25';

/**
 * The parts of a `postgres://` URL, in libpq's words where they mean the same (https://www.postgresql.org/docs/current/libpq-connect.html). Without `sslmode` a
 * server on another machine has to prove who it is. Throws `InvalidValue`, in which nothing of the URL is quoted, since it may hold a password.
 */
export function postgresUrl(text: string): PostgresUrl {
  if (!/^[\x21-\x7e]+$/u.test(text)) throw new InvalidValue(`holds spaces, control characters or letters outside ASCII; ${WRITTEN_AS}`);
  // Without a host there is no URL for Node, but there is one for libpq.
  const hasHost = !/^[a-z]+:\/\/[^/?#]*@\//iu.test(text);
  const url = URL.parse(hasHost ? text : text.replace('@/', '@none/'));
  if (url === null || text.includes('#') || !/^postgres(?:ql)?:\/\//iu.test(text)) throw new InvalidValue(`is no address of a database; ${WRITTEN_AS}`);
  const options = optionsOf(url);
  const socket = options.get('host');
  if (socket !== undefined && (!socket.startsWith('/') || hasHost)) throw new InvalidValue('has host in its query, which is for the folder of a socket such as host=/run/postgresql alone; put other hosts before the database');
  const host = socket ?? (hasHost ? decoded(url.hostname).replace(/^\[(.*)\]$/u, '$1') : '');
  if (host === '') throw new InvalidValue(`names no host; ${WRITTEN_AS}`);
  if (host.includes(',')) throw new InvalidValue('names several hosts; name the one that is in front of them, or the primary one');
  const database = decoded(url.pathname.slice(1));
  if (database === '' || database.includes('/')) throw new InvalidValue(`names no database after the host; ${WRITTEN_AS}`);
  const user = decoded(url.username);
  if (user === '') throw new InvalidValue(`names no user; ${WRITTEN_AS}`);
  const isLocal = socket !== undefined || isLoopback(url.hostname);
  return Object.freeze({
    kind: 'postgres',
    host,
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    database,
    user,
    password: url.password === '' ? null : new SecretValue(decoded(url.password)),
    isLocal,
    tls: tlsMode(options.get('sslmode'), isLocal),
    files: Object.freeze(Object.fromEntries(tlsFiles.flatMap((name) => (options.has(name) ? [[name, options.get(name)]] : [])))),
    connections: connectionCount(options.get('connections')),
  });
}

/** The same database for people: nothing in it is secret. */
export function shownPostgresUrl({ host, port, database, user, tls }: Pick<PostgresUrl, 'host' | 'port' | 'database' | 'user' | 'tls'>): string {
  const isSocket = host.startsWith('/');
  const where = isSocket ? '' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const query = isSocket ? `host=${host}` : `sslmode=${tls}`;
  return `postgres://${encodeURIComponent(user)}@${where}/${encodeURIComponent(database)}?${query}`;
}

function optionsOf({ searchParams }: URL): ReadonlyMap<string, string> {
  const known = ['host', 'sslmode', 'connections', ...tlsFiles];
  const options = new Map<string, string>();
  for (const [name, value] of searchParams) {
    if (!known.includes(name)) throw new InvalidValue(`has a parameter that is not known after its ?; there are ${known.join(', ')}`);
    if (options.has(name)) throw new InvalidValue(`has ${name} twice`);
    options.set(name, value);
  }
  return options;
}

function tlsMode(given: string | undefined, isLocal: boolean): PostgresTlsMode {
  switch (given) {
    case undefined:
      return isLocal ? 'disable' : 'verify-full';
    case 'disable':
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return given;
    case 'allow':
    case 'prefer':
      throw new InvalidValue(`has sslmode=${given}, with which anybody on the way could switch encryption off; use verify-full, require or disable`);
    default:
      throw new InvalidValue('has an sslmode that is none of disable, require, verify-ca and verify-full');
  }
}

function connectionCount(given: string | undefined): number {
  if (given === undefined) return DEFAULT_CONNECTIONS;
  const count = /^\d{1,3}$/u.test(given) ? Number(given) : 0;
  if (count < 2 || count > MOST_CONNECTIONS) throw new InvalidValue(`has connections, the most that one process makes, outside 2 to ${MOST_CONNECTIONS}`);
  return count;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new InvalidValue(`has a % that is followed by no two hexadecimal digits; ${WRITTEN_AS}`);
  }
}
