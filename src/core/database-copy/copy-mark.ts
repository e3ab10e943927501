import type { MetadataStore } from '../../ports/metadata-store.ts';
import type { DatabaseCopyRecord } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { StartError } from '../../ports/start-error.ts';

/** Where a copy that is under way is written down, in its target. */
export const MARK = { name: 'database-copy' } as const;

/** The mark of a copy; undefined where there is none. */
export async function copyMark(platform: MetadataStore['platform']): Promise<Stored<DatabaseCopyRecord> | undefined> {
  const stored = await platform.get(MARK);
  return stored?.record.name === MARK.name ? { record: stored.record, revision: stored.revision } : undefined;
}

/** Throws `StartError` (1) for a database into which another one is being copied: what is missing in it would be taken for what never was. */
export async function requireWholeDatabase(platform: MetadataStore['platform']): Promise<void> {
  if ((await copyMark(platform)) === undefined) return;
  throw new StartError(1, 'Another database is being copied into this one, and not everything is there yet. Run the same keyhold database copy again to its end, or go on with the database that it is a copy of.');
}
