import { KeyholdError } from '../../../ports/errors.ts';
import type { AuditFilter, AuditRepository, AuditRow } from '../../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';

/** The audit log in memory: a row's position is its index. */
export class MemoryAudit implements AuditRepository {
  readonly #text = new StoredText<AuditRow>();
  readonly #rows: string[] = [];

  async size(): Promise<number> {
    return this.#rows.length;
  }

  async append(position: number, rows: readonly AuditRow[]): Promise<void> {
    const texts = rows.map((row) => this.#text.write(row));
    if (position !== this.#rows.length) throw new KeyholdError('conflict', 'The audit log has grown in the meantime.');
    this.#rows.push(...texts);
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    requireStorable([filter.tenant ?? null, filter.action ?? null, filter.actor ?? null]);
    const [before] = pageStart('audit', ['number'], page) ?? [this.#rows.length];
    const found = this.#rows
      .map((text, position) => ({ ...this.#text.read(text), position }))
      .filter((row) => row.position < Number(before) && matches(filter, row))
      .reverse();
    return pageFrom('audit', found, page.limit, (row) => [row.position]);
  }
}

function matches(filter: AuditFilter, row: AuditRow): boolean {
  if (filter.tenant !== undefined && row.tenant !== filter.tenant) return false;
  if (filter.action !== undefined && row.action !== filter.action) return false;
  if (filter.actor !== undefined && row.actor.id !== filter.actor) return false;
  if (filter.from !== undefined && row.time < filter.from) return false;
  return filter.to === undefined || row.time < filter.to;
}
