import { KeyholdError } from '../../../ports/errors.ts';
import type { AuditFilter, AuditLeaf, AuditRepository, AuditRow, AuditTreeName, PlacedAuditRow } from '../../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { matches, placeInList, requireFindable } from '../audit-filter.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';

/** The audit log in memory: a row's position is its index. */
export class MemoryAudit implements AuditRepository {
  readonly #text = new StoredText<AuditLeaf>();
  readonly #leaves: string[] = [];

  async size(): Promise<number> {
    return this.#leaves.length;
  }

  async append(position: number, leaves: readonly AuditLeaf[]): Promise<void> {
    requireFindable(leaves);
    const texts = leaves.map((leaf) => this.#text.write(leaf));
    if (position !== this.#leaves.length) throw new KeyholdError('conflict', 'The audit log has grown in the meantime.');
    this.#leaves.push(...texts);
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    requireStorable([filter.tenant ?? null, filter.action ?? null, filter.actor ?? null]);
    const ofTenant = filter.tenant !== undefined;
    const name = ofTenant ? 'tenant-audit' : 'audit';
    const [before] = pageStart(name, ['number'], page) ?? [this.#leaves.length];
    const found = this.#placed()
      .filter((leaf) => placeInList(leaf, ofTenant) < Number(before) && matches(filter, leaf.row))
      .reverse();
    const { items, next } = pageFrom(name, found, page.limit, (leaf) => [placeInList(leaf, ofTenant)]);
    return { items: items.map(({ row, position }) => ({ ...row, position })), next };
  }

  async read(tree: AuditTreeName, index: number, limit: number): Promise<readonly AuditRow[]> {
    return this.#ofTree(tree)
      .slice(index, index + limit)
      .map(({ row }) => row);
  }

  async nodes(tree: AuditTreeName, indexes: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    const leaves = this.#ofTree(tree);
    return new Map(indexes.flatMap((index) => {
      const leaf = leaves[index];
      return leaf === undefined ? [] : [[index, tree === null ? leaf.nodes : (leaf.ofTenant?.nodes ?? [])] as const];
    }));
  }

  async tenantSize(tenant: string, position: number): Promise<number> {
    return this.#ofTree(tenant).filter((leaf) => leaf.position < position).length;
  }

  async find(id: string): Promise<PlacedAuditRow | undefined> {
    requireStorable([id]);
    const found = this.#placed().find(({ row }) => row.id === id);
    return found === undefined ? undefined : { row: found.row, position: found.position, tenantIndex: found.ofTenant?.index ?? null };
  }

  #placed(): readonly (AuditLeaf & { readonly position: number })[] {
    return this.#leaves.map((text, position) => ({ ...this.#text.read(text), position }));
  }

  #ofTree(tree: AuditTreeName): readonly (AuditLeaf & { readonly position: number })[] {
    requireStorable([tree]);
    return this.#placed().filter(({ row }) => tree === null || row.tenant === tree);
  }
}
