import { existsSync } from 'node:fs';
import { openSqliteStore } from './adapters/metadata-store/sqlite/open-sqlite.ts';
import type { Config } from './config/config.ts';
import type { Clock } from './ports/clock.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';

export interface DatabaseOptions {
  readonly config: Pick<Config, 'database' | 'dataDir'>;
  readonly clock: Clock;
}

/** The database's name in log lines (R3.9). */
const titles: Readonly<Record<Config['database']['kind'], string>> = { sqlite: 'SQLite' };

/** What the log says once the database is there (R3.9). */
export function databaseLine({ kind }: Config['database']): string {
  return `${titles[kind]} connection established for auth services`;
}

/** Opens the configured database, and makes it where there is none. Throws `StartError` that says what to do. */
export async function openDatabase({ config: { database }, clock }: DatabaseOptions): Promise<MetadataStore> {
  return openSqliteStore({ file: database.file, clock });
}

/** Throws `StartError` (4) where no start of Keyhold has made a database yet. */
export async function requireDatabase({ database, dataDir }: DatabaseOptions['config']): Promise<void> {
  if (existsSync(database.file)) return;
  throw new StartError(4, `There is no Keyhold in ${dataDir}: ${database.file} does not exist.\nSet KEYHOLD_DATA_DIR to its data folder. A first start makes it.`);
}
