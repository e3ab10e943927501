import { KeyholdError } from '../../../ports/errors.ts';
import { NewerDatabaseError } from '../newer-database.ts';
import { StoredText } from '../stored-text.ts';
import type { CosmosItems, Draft } from './cosmos-items.ts';
import { type KeptItem, unreadable } from './item.ts';
import { itemPlace, type ItemPlace } from './record-place.ts';
import { INSTALLATION } from './small-records.ts';

/** One step from a version of the container to the next. It may run more than once, and on two replicas at a time, and must come to the same. */
export interface CosmosMigration {
  readonly version: number;
  readonly name: string;
  readonly run: (items: CosmosItems) => Promise<void>;
}

/** Which version the container is of; what it became when is kept for people. */
interface SchemaRecord {
  readonly version: number;
  readonly steps: readonly { readonly version: number; readonly name: string; readonly appliedAt: number }[];
}

const KIND = 'schema';
const text = new StoredText<SchemaRecord>();

/** The version, or undefined in a new container. */
export async function readSchema(items: CosmosItems): Promise<{ readonly schema: SchemaRecord; readonly item: KeptItem } | undefined> {
  const { pk, id } = place();
  const item = await items.read(pk, id);
  if (item === undefined) return undefined;
  if (item.body === null) throw unreadable('the schema has no body');
  return { schema: text.read(item.body), item };
}

/**
 * Brings the container to the last step's version. The version is one item, moved by compare-and-set after each step: of two replicas that start at once one moves
 * it, and the other finds it moved. Throws `NewerDatabaseError`, and `KeyholdError` as the items do.
 */
export async function migrateContainer(items: CosmosItems, migrations: readonly CosmosMigration[], now: number): Promise<void> {
  const known = migrations.at(-1)?.version ?? 0;
  for (;;) {
    const found = await readSchema(items);
    const schema = found?.schema ?? { version: 0, steps: [] };
    if (schema.version > known) throw new NewerDatabaseError(schema.version, known);
    const step = migrations.find(({ version }) => version > schema.version);
    if (step === undefined) return;
    await step.run(items);
    const next: SchemaRecord = { version: step.version, steps: [...schema.steps, { version: step.version, name: step.name, appliedAt: now }] };
    const draft: Draft = { ...place(), kind: KIND, revision: (found?.item.revision ?? 0) + 1, body: text.write(next), removed: false, index: {} };
    const outcome = found === undefined ? await items.create(draft) : await items.replace(draft, found.item);
    // Somebody else has moved it; the next reading is at least as new as what refused ours.
    if (outcome === 'refused' && (await readSchema(items)) === undefined) throw new KeyholdError('unavailable', 'The database cannot answer now. Send the request again.');
  }
}

function place(): ItemPlace {
  return itemPlace(KIND, INSTALLATION, [KIND]);
}
