import type { AuditLeaf } from '../../../ports/metadata/audit.ts';
import { StoredText } from '../stored-text.ts';
import type { SqlParameter } from './cosmos-container.ts';
import type { CosmosItems, Draft } from './cosmos-items.ts';
import { type KeptItem, unreadable } from './item.ts';
import { itemPlace, partitionKey } from './record-place.ts';

const KIND = 'audit';
/** Batches that begin at positions of one such range are in one partition, which holds 20 GB at most: a row has about 1 KB, and far below 10. */
const SECTION = 1_048_576;
/** Batches asked for at once. */
const PIECE = 50;

/** What batches `c` are looked for: one of these, each a conjunction. */
export interface Condition {
  readonly anyOf: readonly string[];
  readonly parameters: readonly SqlParameter[];
}

export const anyBatch: Condition = { anyOf: ['true'], parameters: [] };

/** Rows that were placed together; they stand at `start` and on. */
export interface AuditBatch {
  readonly start: number;
  readonly leaves: readonly AuditLeaf[];
}

/**
 * The audit log as batches. A batch is one item, whose id is the position at which it begins: of two that would begin at one, the second is refused. What a
 * batch is searched by is beside its rows: `start`, `until` (the position after it), `first` and `last` (times), `ids`, `tenants`, `actions`, `actors`, and
 * `trees` with what part of each tenant's own tree it holds.
 */
export class AuditBatches {
  readonly #items: CosmosItems;
  readonly #text = new StoredText<readonly AuditLeaf[]>();
  /** The log is at least so long. */
  #known = 0;

  constructor(items: CosmosItems) {
    this.#items = items;
  }

  /** Where the log ends; `fresh`: as of now, and not as an old replica of the database has it. */
  async end(fresh: boolean): Promise<number> {
    for (let section = sectionOf(this.#known); ; section += 1) {
      const pk = partitionOf(section);
      if (fresh) await this.#items.catchUp(pk);
      const [until] = await this.#items.values('SELECT TOP 1 VALUE c["until"] FROM c WHERE c.pk = @pk AND c["until"] > 0 ORDER BY c["until"] DESC', [{ name: '@pk', value: pk }], pk);
      if (typeof until === 'number') this.#known = Math.max(this.#known, until);
      if (this.#known < (section + 1) * SECTION) return this.#known;
    }
  }

  /** Whether a batch ends just before this position, or the log begins there. Batches never change, so that a yes stays true. */
  async endsAt(position: number): Promise<boolean> {
    if (position === 0 || position === this.#known) return true;
    for (const section of sectionsAround(position - 1)) {
      const pk = partitionOf(section);
      const found = await this.#items.values('SELECT TOP 1 VALUE c.start FROM c WHERE c.pk = @pk AND c["until"] = @position', [{ name: '@pk', value: pk }, { name: '@position', value: position }], pk);
      if (found.length > 0) return true;
    }
    return false;
  }

  /** Places a batch where nothing begins yet; false: something does. That a batch ends there is the caller's word. */
  async create(start: number, leaves: readonly AuditLeaf[]): Promise<boolean> {
    const { pk, id, key } = itemPlace(KIND, [partitionName(sectionOf(start))], [start]);
    const until = start + leaves.length;
    const draft: Draft = { pk, id, key, kind: KIND, revision: 1, body: this.#text.write(leaves), removed: false, index: { start, until, ...searchedBy(leaves) } };
    if ((await this.#items.create(draft)) !== 'done') return false;
    this.#known = Math.max(this.#known, until);
    return true;
  }

  /** Batches that hold something before this position, the newest first. */
  async *backwards(before: number, condition: Condition, piece = PIECE): AsyncGenerator<AuditBatch> {
    for (let section = sectionOf(Math.max(0, before - 1)); section >= 0; section -= 1) {
      for (let below = before; ; ) {
        const found = await this.#find(section, 'c.start < @edge', below, condition, 'c.start DESC', piece);
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < piece) break;
        below = last.start;
      }
    }
  }

  /** Batches that hold something from this position on, the oldest first. */
  async *forwards(from: number, end: number, condition: Condition): AsyncGenerator<AuditBatch> {
    const [first = 0] = sectionsAround(from);
    for (let section = first; section <= sectionOf(Math.max(0, end - 1)); section += 1) {
      for (let above = from; ; ) {
        const found = await this.#find(section, 'c["until"] > @edge', above, condition, 'c["until"] ASC', PIECE);
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < PIECE) break;
        above = last.start + last.leaves.length;
      }
    }
  }

  async #find(section: number, beyond: string, edge: number, { anyOf, parameters }: Condition, order: string, piece: number): Promise<readonly AuditBatch[]> {
    const pk = partitionOf(section);
    const condition = anyOf.map((one) => `c.pk = @pk AND ${beyond} AND ${one}`).join(' OR ');
    const items = await this.#items.query(`SELECT TOP ${piece} * FROM c WHERE ${condition} ORDER BY ${order}`, [...parameters, { name: '@pk', value: pk }, { name: '@edge', value: edge }], pk);
    return items.map((item) => this.#batch(item));
  }

  #batch({ key, body }: KeptItem): AuditBatch {
    const parts: unknown = JSON.parse(key);
    const start: unknown = Array.isArray(parts) ? parts[0] : undefined;
    if (typeof start !== 'number' || body === null) throw unreadable('it is no batch of the audit log');
    return { start, leaves: this.#text.read(body) };
  }
}

function searchedBy(leaves: readonly AuditLeaf[]): Draft['index'] {
  const rows = leaves.map(({ row }) => row);
  const trees = new Map<string, { tenant: string; start: number; until: number }>();
  for (const { row, ofTenant } of leaves) {
    if (row.tenant === null || ofTenant === null) continue;
    const start = trees.get(row.tenant)?.start ?? ofTenant.index;
    trees.set(row.tenant, { tenant: row.tenant, start, until: ofTenant.index + 1 });
  }
  return {
    first: Math.min(...rows.map(({ time }) => time)),
    last: Math.max(...rows.map(({ time }) => time)),
    ids: rows.map(({ id }) => id),
    tenants: [...new Set(rows.flatMap(({ tenant }) => (tenant === null ? [] : [tenant])))],
    actions: [...new Set(rows.map(({ action }) => action))],
    actors: [...new Set(rows.map(({ actor }) => actor.id))],
    trees: [...trees.values()],
  };
}

function sectionOf(position: number): number {
  return Math.floor(position / SECTION);
}

/** Where a batch that holds this position may begin, in order: also in the section before. */
function sectionsAround(position: number): readonly number[] {
  const section = sectionOf(Math.max(0, position));
  return section === 0 ? [0] : [section - 1, section];
}

function partitionName(section: number): string {
  return `audit.${section}`;
}

function partitionOf(section: number): string {
  return partitionKey([partitionName(section)]);
}
