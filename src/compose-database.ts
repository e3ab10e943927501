import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { CosmosOptions } from './adapters/metadata-store/cosmos/open-cosmos.ts';
import type { PostgresOptions } from './adapters/metadata-store/postgres/open-postgres.ts';
import { openSqliteStore } from './adapters/metadata-store/sqlite/open-sqlite.ts';
import type { Config } from './config/config.ts';
import { shownDatabase } from './config/database-config.ts';
import type { OwnKeys } from './core/own-keys/own-keys.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { TransferableStore } from './ports/metadata/transfer.ts';
import { StartError } from './ports/start-error.ts';

export interface DatabaseOptions {
  readonly config: Pick<Config, 'database' | 'dataDir'>;
  /** Where a password is that the URL does not have. */
  readonly ownKeys: Pick<OwnKeys, 'find'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The database's name in log lines (R3.9). */
const titles: Readonly<Record<Config['database']['kind'], string>> = { sqlite: 'SQLite', postgres: 'PostgreSQL', cosmos: 'Cosmos DB' };

/** What the log says once the database is there (R3.9). */
export function databaseLine({ kind }: Config['database']): string {
  return `${titles[kind]} connection established for auth services`;
}

/** Opens the configured database, and makes its tables where there are none. Throws `StartError` that says what to do. */
export async function openDatabase(options: DatabaseOptions): Promise<TransferableStore> {
  const { database } = options.config;
  if (database.kind === 'sqlite') return openSqliteStore({ file: database.file, clock: options.clock });
  // Loaded only where it is needed, as is everything that speaks to one kind of server.
  if (database.kind === 'cosmos') {
    const { openCosmosStore } = await import('./adapters/metadata-store/cosmos/open-cosmos.ts');
    return openCosmosStore(await cosmosOptions(database, options));
  }
  const { openPostgresStore } = await import('./adapters/metadata-store/postgres/open-postgres.ts');
  return openPostgresStore(postgresOptions(database, options));
}

/** Throws `StartError` (4) where no start of Keyhold has made a database yet. */
export async function requireDatabase(options: DatabaseOptions): Promise<void> {
  const { database, dataDir } = options.config;
  if (database.kind === 'sqlite') {
    if (existsSync(database.file)) return;
    throw new StartError(4, `There is no Keyhold in ${dataDir}: ${database.file} does not exist.\nSet KEYHOLD_DATA_DIR to its data folder. A first start makes it.`);
  }
  if (database.kind === 'cosmos') {
    const { isKeyholdInCosmos } = await import('./adapters/metadata-store/cosmos/open-cosmos.ts');
    if (await isKeyholdInCosmos(await cosmosOptions(database, options))) return;
    throw new StartError(4, `There is no Keyhold in ${shownDatabase(database)}.\nSet COSMOS_DB_ENDPOINT and COSMOS_DB_DATABASE to its database. A first start makes it.`);
  }
  const { isKeyholdDatabase } = await import('./adapters/metadata-store/postgres/open-postgres.ts');
  if (await isKeyholdDatabase(postgresOptions(database, options))) return;
  throw new StartError(4, `There is no Keyhold in ${shownDatabase(database)}.\nSet KEYHOLD_DATABASE_URL to its database. A first start makes it.`);
}

async function cosmosOptions({ endpoint, database, access }: Extract<Config['database'], { readonly kind: 'cosmos' }>, { clock, log }: DatabaseOptions): Promise<CosmosOptions> {
  const shared = { endpoint, database, clock, log, random: randomBytes };
  if ('key' in access) return { ...shared, access };
  const { openAzureCredential } = await import('./adapters/azure/azure-credential.ts');
  return { ...shared, access: { credential: await openAzureCredential(access.identity) } };
}

/** How PostgreSQL is reached, for whoever has a connection of its own to it. */
export function postgresOptions({ server, password }: Extract<Config['database'], { readonly kind: 'postgres' }>, { ownKeys, clock, log }: Pick<DatabaseOptions, 'ownKeys' | 'clock' | 'log'>): PostgresOptions {
  return { server, password: () => password ?? ownKeys.find('DATABASE_PASSWORD'), clock, log };
}
