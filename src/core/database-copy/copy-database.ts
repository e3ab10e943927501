import type { Clock } from '../../ports/clock.ts';
import type { DatabaseCopyRecord } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { type RowKind, rowKinds, type TransferableStore } from '../../ports/metadata/transfer.ts';
import { StartError } from '../../ports/start-error.ts';
import { compareAudit, copyAudit } from './copy-audit.ts';
import { copyMark, MARK } from './copy-mark.ts';
import { copyProblem } from './copy-problem.ts';
import { copyRows, digestOf, pagesOf } from './copy-rows.ts';

/** What is copied and compared, one after the other. */
export type CopiedPart = RowKind | 'audit-log';

const parts: readonly CopiedPart[] = [...rowKinds, 'audit-log'];

export interface CopyDatabase {
  readonly from: TransferableStore;
  readonly to: TransferableStore;
  readonly clock: Pick<Clock, 'now'>;
  /** How far it is: rows of a part so far, and whether they are copied or compared. */
  readonly progress: (doing: 'copied' | 'compared', part: CopiedPart, rows: number) => void;
}

/** How many rows of a part there are in both databases, alike; `digest` for those that have one. */
export interface CopiedRows {
  readonly part: CopiedPart;
  readonly rows: number;
  readonly digest: string | null;
}

/**
 * Copies everything into an empty database: each record as it is, with its revision, what is left of removed ones, and the audit log in its order. Reads both
 * back and compares them. A mark in the target says that it is not whole until then; a copy that was interrupted goes on when it is begun again. Throws `StartError` (1) for a target
 * that is not empty, a source that changed since, a difference, another copy into the same database, and a database that goes away.
 */
export async function copyDatabase(options: CopyDatabase): Promise<readonly CopiedRows[]> {
  try {
    return await copyAndCompare(options);
  } catch (error) {
    throw copyProblem(error);
  }
}

async function copyAndCompare(options: CopyDatabase): Promise<readonly CopiedRows[]> {
  const { from, to } = options;
  let mark = await begin(options);
  for (const part of parts.filter((each) => !mark.record.finished.includes(each))) {
    const copied = (rows: number): void => options.progress('copied', part, rows);
    await (part === 'audit-log' ? copyAudit(from.audit, to.audit, copied) : copyRows(from.rows, to.rows, part, copied));
    mark = await finish(to, mark, part);
  }
  const compared: CopiedRows[] = [];
  for (const part of parts) {
    const alike = part === 'audit-log' ? await compareLogs(from, to) : await compareRows(from, to, part);
    options.progress('compared', part, alike.rows);
    compared.push(alike);
  }
  await to.platform.remove(MARK, mark.revision);
  return compared;
}

/** The mark, made in an empty target or found there from an earlier run of this copy. */
async function begin({ from, to, clock }: CopyDatabase): Promise<Stored<DatabaseCopyRecord>> {
  const root = await from.platform.get({ name: 'root' });
  if (root?.record.name !== 'root') throw new StartError(1, 'There is nothing to copy: no Keyhold has been started on that database yet.');
  if ((await copyMark(from.platform)) !== undefined) throw new StartError(1, 'The database to copy from is a copy that was not finished. Finish that one first, or copy from the database that it is a copy of.');
  const auditSize = await from.audit.size();
  const mark = await copyMark(to.platform);
  if (mark === undefined) {
    if (!(await isEmpty(to))) throw new StartError(1, 'The database to copy to is not empty, and nothing was changed. Name one that is: a copy never mixes with what is there.');
    const record: DatabaseCopyRecord = { ...MARK, rootId: root.record.rootId, auditSize, startedAt: clock.now(), finished: [] };
    return { record, revision: (await to.platform.create(MARK, record)).revision };
  }
  if (mark.record.rootId !== root.record.rootId) throw new StartError(1, 'A copy of another Keyhold is under way into the database to copy to. Name another database, or an empty one.');
  if (mark.record.auditSize !== auditSize) {
    throw new StartError(1, 'The database to copy from was used since this copy began, so what is copied already may be old. Empty the database to copy to (or name another one), and begin anew.');
  }
  return mark;
}

async function isEmpty({ rows, audit }: TransferableStore): Promise<boolean> {
  if ((await audit.size()) > 0) return false;
  for (const kind of rowKinds) for await (const page of pagesOf(rows, kind)) if (page.length > 0) return false;
  return true;
}

async function finish({ platform }: TransferableStore, { record, revision }: Stored<DatabaseCopyRecord>, part: CopiedPart): Promise<Stored<DatabaseCopyRecord>> {
  const next = { ...record, finished: [...record.finished, part] };
  return { record: next, revision: (await platform.replace(MARK, next, revision)).revision };
}

async function compareRows(from: TransferableStore, to: TransferableStore, part: RowKind): Promise<CopiedRows> {
  const [source, target] = await Promise.all([digestOf(from.rows, part), digestOf(to.rows, part)]);
  if (source.count !== target.count || source.text !== target.text) throw different(part, source.count, target.count);
  return { part, rows: source.count, digest: source.text };
}

async function compareLogs(from: TransferableStore, to: TransferableStore): Promise<CopiedRows> {
  const sizes = await compareAudit(from.audit, to.audit);
  if (sizes.alike !== sizes.from || sizes.alike !== sizes.to) throw different('audit-log', sizes.from, sizes.to);
  return { part: 'audit-log', rows: sizes.alike, digest: null };
}

function different(part: CopiedPart, from: number, to: number): StartError {
  const counts = from === to ? `both have ${from} rows of it, and they are not the same` : `it has ${from} rows in one and ${to} in the other`;
  return new StartError(1, `The two databases differ in ${part}: ${counts}. Something wrote into one of them meanwhile. Do not use the copy: empty it, see that no Keyhold runs on either, and begin anew.`);
}
