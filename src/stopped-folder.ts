import { existsSync } from 'node:fs';
import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { openSqliteStore } from './adapters/metadata-store/sqlite/open-sqlite.ts';
import type { Config } from './config/config.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';

/**
 * Does something on the data folder of a stopped Keyhold, which is held meanwhile. Throws `StartError`: 4 where there is no Keyhold yet, 5
 * while one is running, and what the work throws.
 */
export async function onStoppedFolder<T>(config: Config, work: (metadata: MetadataStore) => Promise<T>): Promise<T> {
  if (!existsSync(config.database.file)) {
    throw new StartError(4, `There is no Keyhold in ${config.dataDir}: ${config.database.file} does not exist.\nSet KEYHOLD_DATA_DIR to its data folder. A first start makes it.`);
  }
  const folder = openDataFolder(config.dataDir);
  try {
    const metadata = await openSqliteStore({ file: config.database.file, clock: systemClock });
    try {
      return await work(metadata);
    } finally {
      await metadata.close();
    }
  } finally {
    folder.close();
  }
}
