import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { AzureIdentity } from '../adapters/azure/azure-credential.ts';
import type { PostgresServer } from '../adapters/metadata-store/postgres/postgres-server.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { type CosmosConfig, cosmosConfig } from './cosmos-config.ts';
import { databaseUrl } from './database-settings.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { shownPostgresUrl, type TlsFile } from './postgres-url.ts';
import type { Config } from './config.ts';
import type { Reader } from './reader.ts';
import { settings } from './settings.ts';
import { readTextFile } from './variables.ts';

/** The embedded database; `file` is absolute and lies in the data folder. */
interface SqliteConfig {
  readonly kind: 'sqlite';
  readonly file: string;
}

/** A database of a PostgreSQL server. */
interface PostgresConfig {
  readonly kind: 'postgres';
  readonly server: PostgresServer;
  /** null: DATABASE_PASSWORD of the own keys (R2.3), if there is one. */
  readonly password: SecretValue | null;
}

/** The database that is configured; `compose-database.ts` opens each kind. */
export type DatabaseConfig = SqliteConfig | PostgresConfig | CosmosConfig;

/** What decides how a database may be reached. */
export interface DatabaseRules {
  readonly dataDir: string;
  readonly mode: 'production' | 'development';
  /** PostgreSQL elsewhere may be reached unencrypted. */
  readonly allowPlain: boolean;
}

/** The database (R0.5). What is wrong with it the reader knows afterwards; then nothing is opened. */
export function readDatabase(reader: Reader, rules: DatabaseRules, identityFor: () => AzureIdentity): DatabaseConfig {
  const { database } = settings;
  const cosmos = cosmosConfig(reader, identityFor);
  const config = reader.read<DatabaseConfig>({ ...database, parse: (text) => databaseConfig(reader, text, rules), fallback: sqlite(rules.dataDir, 'keyhold.db') });
  if (cosmos !== null) return cosmos;
  reader.show(database, shownDatabase(config));
  return config;
}

/** The database of a URL. Throws `InvalidValue`, in which no password is quoted. */
export function databaseConfig(reader: Pick<Reader, 'absolute'>, text: string, { dataDir, mode, allowPlain }: DatabaseRules): DatabaseConfig {
  const url = databaseUrl(text);
  if (url.kind === 'sqlite') return sqlite(dataDir, url.file);
  if (mode === 'production' && url.tls === 'disable' && !url.isLocal && !allowPlain) {
    throw new InvalidValue('has sslmode=disable for a server on another machine, so everything would travel unencrypted; leave sslmode out, or set KEYHOLD_ALLOW_PLAIN_DATABASE=true where the network protects it');
  }
  const { host, port, database, user, password, connections, tls: tlsMode, files } = url;
  const pem = (name: TlsFile): string | undefined => {
    const file = files[name];
    return file === undefined ? undefined : readTextFile(reader.absolute(file), LARGEST_PEM, `names a file with ${name}`);
  };
  const [ca, cert, key] = [pem('sslrootcert'), pem('sslcert'), pem('sslkey')];
  if ((cert === undefined) !== (key === undefined)) throw new InvalidValue('has only one of sslcert and sslkey, which belong together');
  const tls = Object.freeze({ mode: tlsMode, ...(ca === undefined ? {} : { ca }), ...(cert === undefined || key === undefined ? {} : { cert, key }) });
  return Object.freeze({ kind: 'postgres', server: Object.freeze({ host, port, database, user, connections, tls }), password });
}

/** A database that a command names: a URL, or `cosmos` for the configured one. Throws `InvalidValue`, in which no password is quoted. */
export function namedDatabase({ database, dataDir, mode, allowPlainDatabase }: Pick<Config, 'allowPlainDatabase' | 'database' | 'dataDir' | 'mode'>, workingDirectory: string, text: string): DatabaseConfig {
  if (text !== 'cosmos') return databaseConfig({ absolute: (file) => resolve(workingDirectory, file) }, text, { dataDir, mode, allowPlain: allowPlainDatabase });
  if (database.kind === 'cosmos') return database;
  throw new InvalidValue('names Cosmos DB, but COSMOS_DB_ENDPOINT does not say where; set it, and name the other database in full');
}

/** A database for people: without its password. */
export function shownDatabase(config: DatabaseConfig): string {
  if (config.kind === 'sqlite') return `sqlite:${config.file}`;
  if (config.kind === 'cosmos') return `${config.endpoint} (${config.database})`;
  return shownPostgresUrl({ ...config.server, tls: config.server.tls.mode });
}

/** What an operator should know at every start. */
export function databaseWarnings(config: DatabaseConfig, mode: DatabaseRules['mode']): readonly string[] {
  if (config.kind !== 'postgres' || mode !== 'production' || config.server.tls.mode !== 'require') return [];
  return ['KEYHOLD_DATABASE_URL has sslmode=require: the connection is encrypted, but nobody checks that it is your server that answers. Use verify-full, with sslrootcert=<file> for an authority of your own.'];
}

const LARGEST_PEM = 2 ** 20;

function sqlite(dataDir: string, file: string): SqliteConfig {
  return Object.freeze({ kind: 'sqlite', file: databaseFile(dataDir, file) });
}

/** What Keyhold keeps in the data folder beside the database, under names of its own: it would be written over, or removed. */
const KEPT_NAMES = /^(?:(?:lock|workers|replica-\d+)\.db.*|owner(?:\.new)?|admin-token|audit-(?:head|emergency|witnessed)(?:\.\d+)?|journal(?:\.\d+)?|keyhold\.key(?:\.\w+)*)$/u;

/** The data folder's lock keeps a second process out, so the database has to be in it, apart from the other things that are there. */
function databaseFile(dataDir: string, file: string): string {
  const absolute = resolve(dataDir, file);
  if (!isInside(dataDir, absolute)) throw new InvalidValue('names a file outside the data folder, whose lock could not protect it; set KEYHOLD_DATA_DIR to where it is');
  const [first = ''] = relative(dataDir, absolute).split(sep);
  if (KEPT_NAMES.test(first)) throw new InvalidValue(`names ${quoted(first)}, which Keyhold keeps for something else in the data folder; choose another name`);
  return absolute;
}

/** Whether a file lies below a folder; both absolute. */
export function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
