import { randomBytes } from 'node:crypto';
import { systemClock } from './adapters/clock/system-clock.ts';
import type { DatabaseOptions } from './compose-database.ts';
import { openOwnKeys } from './compose-secrets.ts';
import type { Config } from './config/config.ts';
import type { DatabaseConfig } from './config/database-config.ts';
import type { Log } from './ports/log.ts';

/** For commands: with the own keys, where only they can have the password of one of the databases (R2.3). */
export async function withDatabasePassword<T>(config: Config, databases: readonly DatabaseConfig[], log: Log, work: (ownKeys: DatabaseOptions['ownKeys']) => Promise<T>): Promise<T> {
  if (!databases.some((database) => database.kind === 'postgres' && database.password === null)) return work({ find: () => undefined });
  const { ownKeys, close } = await openOwnKeys({ config, clock: systemClock, random: randomBytes, log });
  try {
    return await work(ownKeys);
  } finally {
    await close();
  }
}
