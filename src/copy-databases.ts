import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { openDatabase, requireDatabase } from './compose-database.ts';
import type { Config } from './config/config.ts';
import { type DatabaseConfig, shownDatabase } from './config/database-config.ts';
import { type CopiedRows, copyDatabase, type CopyDatabase } from './core/database-copy/copy-database.ts';
import { withDatabasePassword } from './database-password.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';
import { requireNobodyElse } from './stopped-folder.ts';

export interface DatabasesToCopy {
  readonly from: DatabaseConfig;
  readonly to: DatabaseConfig;
}

/**
 * Copies one database into another while no Keyhold is at work on either: the data folder is held meanwhile, and replicas on shared databases are looked for. Throws
 * `StartError`: 4 where there is no Keyhold to copy, 5 while one is running, and what opening and copying throw.
 */
export async function copyDatabases(config: Config, { from, to }: DatabasesToCopy, log: Log, progress: CopyDatabase['progress']): Promise<readonly CopiedRows[]> {
  if (shownDatabase(from) === shownDatabase(to)) throw new StartError(2, 'Both are the same database. Name another one with --to.');
  return withDatabasePassword(config, [from, to], log, async (ownKeys) => {
    const options = (database: DatabaseConfig) => ({ config: { database, dataDir: config.dataDir }, ownKeys, clock: systemClock, log });
    await requireDatabase(options(from));
    const folder = openDataFolder(config.dataDir);
    try {
      return await using(await openDatabase(options(from)), async (source) =>
        using(await openDatabase(options(to)), async (target) => {
          for (const [metadata, database] of [[source, from], [target, to]] as const) await requireNobodyElse(metadata, database, log);
          return copyDatabase({ from: source, to: target, clock: systemClock, progress });
        }),
      );
    } finally {
      folder.close();
    }
  });
}

async function using<S extends Pick<MetadataStore, 'close'>, T>(store: S, work: (store: S) => Promise<T>): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
