import type { AuditRepository } from '../../ports/metadata/audit.ts';
import type { Action } from '../access/actions.ts';

/** What writes a row with the note of a changed key. */
const CHANGES: readonly Action[] = ['audit-key.rotate', 'audit-log.accept-restored'];

/** The notes of every change of the log's key that its rows keep, the oldest first. */
export async function keyChangeNotes(repository: Pick<AuditRepository, 'list'>): Promise<readonly string[]> {
  const found: { readonly note: string; readonly position: number }[] = [];
  for (const action of CHANGES) {
    let after: string | undefined;
    do {
      const page = await repository.list({ action }, { limit: 1000, after });
      for (const { note, position } of page.items) if (note !== undefined) found.push({ note, position });
      after = page.next;
    } while (after !== undefined);
  }
  return found.toSorted((one, other) => one.position - other.position).map(({ note }) => note);
}
