import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { openDatabase, requireDatabase } from './compose-database.ts';
import type { Config } from './config/config.ts';
import type { MetadataStore } from './ports/metadata-store.ts';

/**
 * Does something on the data folder of a stopped Keyhold, which is held meanwhile. Throws `StartError`: 4 where there is no Keyhold yet, 5
 * while one is running, and what the work throws.
 */
export async function onStoppedFolder<T>(config: Config, work: (metadata: MetadataStore) => Promise<T>): Promise<T> {
  await requireDatabase(config);
  const folder = openDataFolder(config.dataDir);
  try {
    const metadata = await openDatabase({ config, clock: systemClock });
    try {
      return await work(metadata);
    } finally {
      await metadata.close();
    }
  } finally {
    folder.close();
  }
}
