import type { PostgresOptions } from '../../src/adapters/metadata-store/postgres/open-postgres.ts';
import { databaseConfig } from '../../src/config/database-config.ts';
import { RecordingLog } from './recording-log.ts';

/** How the product would open the database of a URL, without waiting for a server that is away. */
export function postgresOptions(url: string): PostgresOptions & { readonly log: RecordingLog } {
  const config = databaseConfig({ absolute: (file) => file }, url, { dataDir: '/nowhere', mode: 'production', allowPlain: false });
  if (config.kind !== 'postgres') throw new Error('That URL names another kind of database.');
  const { server, password } = config;
  return { server, password: () => password ?? undefined, clock: { now: () => Date.now(), monotonic: () => performance.now() }, log: new RecordingLog(), waitMs: 0 };
}
