import { KeyholdError } from '../../../ports/errors.ts';
import type { AuditFilter, AuditLeaf, AuditRepository, AuditRow, AuditTreeName, PlacedAuditRow } from '../../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { matches, placeInList, requireFindable } from '../audit-filter.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable } from '../stored-text.ts';
import { anyBatch, type AuditBatch, type AuditBatches, type Condition } from './audit-batches.ts';

/** A query may have 500 alternatives; each of these is one or two. */
const NODES_AT_ONCE = 50;

type PlacedLeaf = AuditLeaf & { readonly position: number };

/** The audit log in Cosmos DB: batches are found by the database, rows in them here. */
export class CosmosAudit implements AuditRepository {
  readonly #batches: AuditBatches;

  constructor(batches: AuditBatches) {
    this.#batches = batches;
  }

  async size(): Promise<number> {
    return this.#batches.end(true);
  }

  async append(position: number, leaves: readonly AuditLeaf[]): Promise<void> {
    if (leaves.length === 0) {
      if ((await this.size()) !== position) throw grown();
      return;
    }
    requireFindable(leaves);
    if (position < 0) throw grown();
    // Only where a batch ends may one begin: otherwise it would stand in the middle of another, whose id is not this position.
    if (!(await this.#batches.endsAt(position)) && (await this.size()) !== position) throw grown();
    if (!(await this.#batches.create(position, leaves))) throw grown();
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    requireStorable([filter.tenant ?? null, filter.action ?? null, filter.actor ?? null]);
    const ofTenant = filter.tenant !== undefined;
    const name = ofTenant ? 'tenant-audit' : 'audit';
    const before = await this.#positionBefore(filter.tenant, pageStart(name, ['number'], page)?.[0]);
    const found: PlacedLeaf[] = [];
    for await (const batch of this.#batches.backwards(before, filterCondition(filter))) {
      found.push(...placed(batch).filter(({ row, position }) => position < before && matches(filter, row)).reverse());
      if (found.length > page.limit) break;
    }
    const { items, next } = pageFrom(name, found, page.limit, (leaf) => [placeInList(leaf, ofTenant)]);
    return { items: items.map(({ row, position }) => ({ ...row, position })), next };
  }

  async read(tree: AuditTreeName, index: number, limit: number): Promise<readonly AuditRow[]> {
    requireStorable([tree]);
    const end = await this.#batches.end(false);
    const rows: AuditRow[] = [];
    const batches = tree === null ? this.#batches.forwards(index, end, anyBatch) : this.#batches.forwards(0, end, treeCondition(tree, ['t["until"] > @index'], [{ name: '@index', value: index }]));
    for await (const batch of batches) {
      rows.push(...placed(batch).filter((leaf) => (placeInTree(leaf, tree) ?? -1) >= index).map(({ row }) => row));
      if (rows.length >= limit) break;
    }
    return rows.slice(0, limit);
  }

  async nodes(tree: AuditTreeName, indexes: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    requireStorable([tree]);
    const end = await this.#batches.end(false);
    const found = new Map<number, readonly string[]>();
    for (let at = 0; at < indexes.length; at += NODES_AT_ONCE) {
      const wanted = indexes.slice(at, at + NODES_AT_ONCE);
      const parameters = wanted.map((value, number) => ({ name: `@i${number}`, value }));
      const holdsOne = (of: string): readonly string[] => parameters.map(({ name }) => `${of}.start <= ${name} AND ${of}["until"] > ${name}`);
      const lowest = Math.min(...wanted);
      const batches = tree === null ? this.#batches.forwards(lowest, end, { anyOf: holdsOne('c'), parameters }) : this.#batches.forwards(0, end, treeCondition(tree, holdsOne('t'), parameters));
      for await (const batch of batches) {
        for (const leaf of placed(batch)) {
          const place = placeInTree(leaf, tree);
          if (place !== undefined && wanted.includes(place)) found.set(place, tree === null ? leaf.nodes : (leaf.ofTenant?.nodes ?? []));
        }
      }
    }
    return found;
  }

  async tenantSize(tenant: string, position: number): Promise<number> {
    requireStorable([tenant]);
    const before = Math.min(position, await this.#batches.end(false));
    for await (const batch of this.#batches.backwards(before, filterCondition({ tenant }), 1)) {
      const leaves = placed(batch).filter(({ row }) => row.tenant === tenant);
      const last = leaves.findLast((leaf) => leaf.position < position);
      return last === undefined ? (leaves[0]?.ofTenant?.index ?? 0) : (last.ofTenant?.index ?? -1) + 1;
    }
    return 0;
  }

  async find(id: string): Promise<PlacedAuditRow | undefined> {
    requireStorable([id]);
    const condition: Condition = { anyOf: ['ARRAY_CONTAINS(c.ids, @id)'], parameters: [{ name: '@id', value: id }] };
    for await (const batch of this.#batches.backwards(await this.#batches.end(false), condition, 1)) {
      const leaf = placed(batch).find(({ row }) => row.id === id);
      if (leaf !== undefined) return { row: leaf.row, position: leaf.position, tenantIndex: leaf.ofTenant?.index ?? null };
    }
    return undefined;
  }

  /** The position that a page ends before, from the place in its list that its cursor names. */
  async #positionBefore(tenant: string | undefined, place: string | number | undefined): Promise<number> {
    const end = await this.#batches.end(false);
    if (place === undefined) return end;
    if (tenant === undefined) return Math.min(end, Number(place));
    const index = Number(place);
    const condition = treeCondition(tenant, ['t.start <= @index AND t["until"] > @index'], [{ name: '@index', value: index }]);
    for await (const batch of this.#batches.backwards(end, condition, 1)) {
      return placed(batch).find((leaf) => placeInTree(leaf, tenant) === index)?.position ?? 0;
    }
    return 0;
  }
}

function placed({ start, leaves }: AuditBatch): readonly PlacedLeaf[] {
  return leaves.map((leaf, offset) => ({ ...leaf, position: start + offset }));
}

/** Where the row stands in a tree; undefined where it is not of it. */
function placeInTree({ row, position, ofTenant }: PlacedLeaf, tree: AuditTreeName): number | undefined {
  if (tree === null) return position;
  return row.tenant === tree ? ofTenant?.index : undefined;
}

/** Batches that hold a part `t` of the tenant's own tree of which one of these is true. */
function treeCondition(tenant: string, anyOf: readonly string[], parameters: Condition['parameters']): Condition {
  return { anyOf: [`EXISTS(SELECT VALUE t FROM t IN c.trees WHERE ${anyOf.map((one) => `t.tenant = @tenant AND ${one}`).join(' OR ')})`], parameters: [...parameters, { name: '@tenant', value: tenant }] };
}

/** Batches that may hold a row of the filter. */
function filterCondition({ tenant, action, actor, from, to }: AuditFilter): Condition {
  const conditions: string[] = ['true'];
  const parameters: { readonly name: string; readonly value: string | number }[] = [];
  const holds = (condition: string, name: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push({ name, value });
  };
  holds('ARRAY_CONTAINS(c.tenants, @tenant)', '@tenant', tenant);
  holds('ARRAY_CONTAINS(c.actions, @action)', '@action', action);
  holds('ARRAY_CONTAINS(c.actors, @actor)', '@actor', actor);
  holds('c.last >= @from', '@from', from);
  holds('c.first < @to', '@to', to);
  return { anyOf: [conditions.join(' AND ')], parameters };
}

function grown(): KeyholdError {
  return new KeyholdError('conflict', 'The audit log has grown in the meantime.');
}
