import { KeyholdError } from '../../ports/errors.ts';
import { parseCheckpoint } from './notes/checkpoint.ts';

/** Which tree is exported: the whole log's, or one tenant's own. */
export type ExportedTree = 'log' | { readonly tenant: string };

/** Where an export comes from: the database itself, or a running Keyhold. */
export interface ExportSource {
  head(): Promise<{ readonly checkpoint: string; readonly keyChanges: readonly string[] }>;
  /** Entries from the one at `from` on, 1 to `limit` of them; none at the tree's end. */
  entries(from: number, limit: number): Promise<readonly string[]>;
}

const PAGE = 1000;

/** The first line of an export. Nothing in it is believed: the head at its end says which tree it is. */
export function exportTitle(tree: 'log' | 'tenant'): string {
  return JSON.stringify({ keyhold: 'audit export', v: 1, of: tree });
}

export const KEY_CHANGE_BEGIN = '{"keyChange":';
export const CHECKPOINT_BEGIN = '{"checkpoint":';

/**
 * The lines of an export (docs/audit-log.md), without their newlines: title, changes of the key, every entry up to the head, the head. Throws
 * `corrupt` when entries are missing.
 */
export async function* exportLines(tree: ExportedTree, source: ExportSource): AsyncGenerator<string> {
  const { checkpoint, keyChanges } = await source.head();
  const size = parseCheckpoint(checkpoint)?.size;
  if (size === undefined) throw new KeyholdError('corrupt', 'The head of the audit log cannot be read.');
  yield exportTitle(tree === 'log' ? 'log' : 'tenant');
  for (const keyChange of keyChanges) yield JSON.stringify({ keyChange });
  for (let from = 0; from < size; ) {
    const entries = await source.entries(from, Math.min(PAGE, size - from));
    if (entries.length === 0) throw new KeyholdError('corrupt', `The audit log ends after ${from} rows; its head says ${size}.`);
    yield* entries;
    from += entries.length;
  }
  yield JSON.stringify({ checkpoint });
}
