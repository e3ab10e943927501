import type { Client } from 'pg';
import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { TransferableStore } from '../../../ports/metadata/transfer.ts';
import { StartError } from '../../../ports/start-error.ts';
import { createSqlStore } from '../sql/sql-store.ts';
import { untilThere } from '../until-there.ts';
import { migrate, versionOf } from './migrate.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { mayPass, startError } from './open-problems.ts';
import { withOwnConnection } from './own-connection.ts';
import { postgresDialect } from './postgres-dialect.ts';
import { PostgresExecutor } from './postgres-executor.ts';
import type { PostgresPassword, PostgresServer } from './postgres-server.ts';

const LATEST = allMigrations.at(-1)?.version ?? 0;

export interface PostgresOptions {
  readonly server: PostgresServer;
  readonly password: PostgresPassword;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a server that is away is waited for; 30 s when left out. */
  readonly waitMs?: number;
}

/**
 * Opens a database of a PostgreSQL server and brings it to this version's schema; several processes may do so at once. A server that is away is waited for. Throws
 * `StartError` that says what to do: exit code 7 for a database of a newer Keyhold, 2 for a server that does not let us in, 8 for a full disk, 1 else.
 */
export async function openPostgresStore(options: PostgresOptions): Promise<TransferableStore> {
  const { server, password, clock, log } = options;
  await whenThere(options, async (client) => {
    await requireUsable(client, server, log);
    await migrate(client, allMigrations, clock.now());
  });
  return createSqlStore(new PostgresExecutor(server, password, clock), postgresDialect);
}

/** Whether a Keyhold has been there before. Throws `StartError` as `openPostgresStore` does. */
export async function isKeyholdDatabase(options: PostgresOptions): Promise<boolean> {
  return whenThere(options, async (client) => (await versionOf(client, LATEST)) > 0);
}

/** Does something over a connection of its own, as soon as there can be one. */
async function whenThere<T>({ server, password, clock, log, waitMs }: PostgresOptions, work: (client: Client) => Promise<T>): Promise<T> {
  try {
    return await untilThere({ name: 'PostgreSQL', clock, log, waitMs, mayPass }, () => withOwnConnection(server, password, work));
  } catch (error) {
    throw startError(server, error);
  }
}

/** Texts need UTF-8, and a standby takes no writes. */
async function requireUsable(client: Client, { host }: PostgresServer, log: Log): Promise<void> {
  const { rows } = await client.query<{ encoding: string; standby: string; fsync: string }>(
    "SELECT current_setting('server_encoding') AS encoding, pg_is_in_recovery()::text AS standby, current_setting('fsync') AS fsync",
  );
  const [found] = rows;
  if (found === undefined) throw new KeyholdError('internal', 'The database server did not say what it is.');
  if (found.encoding !== 'UTF8') throw new StartError(2, `The PostgreSQL database is encoded in ${found.encoding}, which cannot keep every text. Make one with ENCODING 'UTF8' and name it in KEYHOLD_DATABASE_URL.`);
  if (found.standby === 'true') throw new StartError(2, `The PostgreSQL server ${host} is a standby and takes no writes. Name the primary one in KEYHOLD_DATABASE_URL.`);
  if (found.fsync === 'off') log.warn('database_not_durable', 'The PostgreSQL server runs with fsync off: after a power failure or a crash of its machine the database may be lost. Switch it on');
}
