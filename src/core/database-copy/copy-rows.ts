import type { Row, RowKind, RowTransfer } from '../../ports/metadata/transfer.ts';
import { MARK } from './copy-mark.ts';
import { RowDigest } from './row-digest.ts';

/** A batch or a segment of usage may have a megabyte, all others a few kilobytes. */
const PAGE = 500;
const LARGE_PAGE = 20;

/** Every row of a kind, page by page, but for the mark of a copy. */
export async function* pagesOf(rows: RowTransfer, kind: RowKind): AsyncGenerator<readonly Row[]> {
  const limit = kind === 'usage-batches' || kind === 'usage-segments' ? LARGE_PAGE : PAGE;
  let after: string | undefined;
  do {
    const { items, next } = await rows.list(kind, { limit, after });
    yield kind === 'platform' ? items.filter(({ key }) => key[0] !== MARK.name) : items;
    after = next;
  } while (after !== undefined);
}

/** Puts every row of a kind into another database; what is there already, from a copy that was interrupted, stays. */
export async function copyRows(from: RowTransfer, to: RowTransfer, kind: RowKind, copied: (rows: number) => void): Promise<void> {
  let count = 0;
  for await (const page of pagesOf(from, kind)) {
    await to.put(kind, page);
    count += page.length;
    copied(count);
  }
}

/** What all rows of a kind are recognised by. */
export async function digestOf(rows: RowTransfer, kind: RowKind): Promise<RowDigest> {
  const digest = new RowDigest();
  for await (const page of pagesOf(rows, kind)) for (const row of page) digest.add(row);
  return digest;
}
