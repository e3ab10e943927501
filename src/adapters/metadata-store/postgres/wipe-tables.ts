import type { Client } from 'pg';
import { KeyholdError } from '../../../ports/errors.ts';
import { sqlStateOf } from './postgres-errors.ts';

/**
 * Small tables whose removed rows would open what lies elsewhere: they are written anew, since VACUUM alone frees the room of a removed row without
 * overwriting it. The large ones hold envelopes that these opened.
 */
const REWRITTEN = ['data_keys', 'platform', 'own_vaults'] as const;
const SWEPT = ['sealed_values', 'credentials'] as const;
/** How long the tables may be held up by somebody who reads them. */
const LOCK_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Takes removed and replaced rows out of the tables' files (S16). Throws `unavailable` where another transaction still sees them. What the server's log
 * of changes and its archives keep is the operator's (docs/databases.md). The connection is of no further use afterwards.
 */
export async function wipeTables(client: Client): Promise<void> {
  let kept = 0;
  // VERBOSE tells, as a notice, how many removed rows had to stay; the number is what its detail begins with, in every language of the server.
  const count = ({ detail }: { readonly detail?: string | undefined }): void => {
    kept += Number(/^\s*(\d+)/u.exec(detail ?? '')?.[1] ?? 0);
  };
  client.on('notice', count);
  try {
    await client.query(`SET lock_timeout TO ${LOCK_MS}`);
    for (const table of REWRITTEN) await client.query(`VACUUM (FULL, VERBOSE) ${table}`);
    for (const table of SWEPT) await client.query(`VACUUM ${table}`);
  } catch (error) {
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) throw stillSeen(error);
    throw error;
  } finally {
    client.off('notice', count);
  }
  if (kept > 0) throw stillSeen(new Error(`${kept} removed rows are still seen by another transaction`));
}

function stillSeen(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', 'Another transaction of the database still sees what was removed. End it (a dump, a forgotten session), and it is taken out.', { cause, retryAfterSeconds: 5 });
}
