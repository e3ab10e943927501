import type { Log, LogFields } from '../../ports/log.ts';
import type { MetadataStore } from '../../ports/metadata-store.ts';

export interface Wiping {
  readonly wipe: MetadataStore['wipe'];
  readonly log: Log;
}

/**
 * Takes what was removed out of the database's own files (S16), so that a copy of them that is made from now on does not hold it. Where that cannot be done
 * now, it is said, and what removed it goes on: the database does it by itself in time.
 */
export async function wipeIfPossible({ wipe, log }: Wiping, what: string, fields: LogFields = {}): Promise<void> {
  await wipe().catch((error: unknown) => log.warn('database_not_wiped', `${what} removed from the database, but still in the log beside it for a while`, { ...fields, error }));
}
