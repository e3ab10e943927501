import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { openDatabase, requireDatabase } from './compose-database.ts';
import type { Config } from './config/config.ts';
import { type DatabaseConfig, shownDatabase } from './config/database-config.ts';
import { requireWholeDatabase } from './core/database-copy/copy-mark.ts';
import { replicasAreAtWork } from './core/replicas/at-work.ts';
import { withDatabasePassword } from './database-password.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import { StartError } from './ports/start-error.ts';

/** On a database that replicas share: `may-run` where what is done there is nothing to those that run, `stopped` where none may. */
export type OtherReplicas = 'may-run' | 'stopped';

/**
 * Does something on the data folder of a stopped Keyhold, which is held meanwhile, and on its database. Throws `StartError`: 4 where there is no Keyhold yet, 5
 * while one is running, on this folder or, with `stopped`, anywhere on its database, and what the work throws.
 */
export async function onStoppedFolder<T>(config: Config, log: Log, others: OtherReplicas, work: (metadata: MetadataStore) => Promise<T>): Promise<T> {
  return withDatabasePassword(config, [config.database], log, async (ownKeys) => {
    const options = { config, ownKeys, clock: systemClock, log };
    await requireDatabase(options);
    const folder = openDataFolder(config.dataDir);
    try {
      const metadata = await openDatabase(options);
      try {
        if (others === 'stopped') await requireNobodyElse(metadata, config.database, log);
        await requireWholeDatabase(metadata.platform);
        return await work(metadata);
      } finally {
        await metadata.close();
      }
    } finally {
      folder.close();
    }
  });
}

/** Nobody else can be in a file that lies in a data folder which is held; any other database has to be watched. Throws `StartError` (5) where a replica is at work. */
export async function requireNobodyElse(metadata: Pick<MetadataStore, 'leases'>, database: DatabaseConfig, log: Log): Promise<void> {
  if (database.kind === 'sqlite') return;
  const told = (atMostMs: number): void => log.warn('replicas_looked_for', `Looking for replicas that are at work on the database, which takes up to ${Math.ceil(atMostMs / 1000)} s`);
  if (!(await replicasAreAtWork(metadata.leases, systemClock, told))) return;
  throw new StartError(5, `A Keyhold is at work on ${shownDatabase(database)}. Stop every replica that uses it first: this is done while none runs.`);
}
