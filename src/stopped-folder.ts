import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { type DatabaseOptions, openDatabase, requireDatabase } from './compose-database.ts';
import { openOwnKeys } from './compose-secrets.ts';
import type { Config } from './config/config.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';

/**
 * Does something on the data folder of a stopped Keyhold, which is held meanwhile, and on its database. Throws `StartError`: 4 where there is no Keyhold yet, 5
 * while one is running, and what the work throws.
 */
export async function onStoppedFolder<T>(config: Config, log: Log, work: (metadata: MetadataStore) => Promise<T>): Promise<T> {
  return withDatabasePassword(config, log, async (database) => {
    await requireDatabase(database);
    const folder = openDataFolder(config.dataDir);
    try {
      const metadata = await openDatabase(database);
      try {
        return await work(metadata);
      } finally {
        await metadata.close();
      }
    } finally {
      folder.close();
    }
  });
}

/** With the own keys, where only they can have the database's password. */
async function withDatabasePassword<T>(config: Config, log: Log, work: (database: DatabaseOptions) => Promise<T>): Promise<T> {
  const shared = { config, clock: systemClock, log };
  if (config.database.kind !== 'postgres' || config.database.password !== null) return work({ ...shared, ownKeys: { find: () => undefined } });
  const { ownKeys, close } = await openOwnKeys({ ...shared, random: randomBytes });
  try {
    return await work({ ...shared, ownKeys });
  } finally {
    await close();
  }
}
