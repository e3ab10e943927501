import { KeyholdError } from '../../../ports/errors.ts';
import type { UsageSegment, UsageSegmentKey, UsageSegmentRepository } from '../../../ports/metadata/usage-segments.ts';
import { StoredText } from '../stored-text.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { type KeptItem, unreadable } from './item.ts';
import { orderedText } from './ordered-text.ts';
import { itemPlace, partitionKey } from './record-place.ts';

export const SEGMENT = 'usage-segment';

/** Journals in Cosmos DB, each in a partition of its own. A segment is created once and deleted; `open` is its journal's name, unless it ended that. */
export class CosmosUsageSegments implements UsageSegmentRepository {
  readonly #items: CosmosItems;
  readonly #text = new StoredText<UsageSegment>();

  constructor(items: CosmosItems) {
    this.#items = items;
  }

  async create({ journal, segment }: UsageSegmentKey, content: UsageSegment): Promise<void> {
    const { pk, id, key } = itemPlace(SEGMENT, partitionOf(journal), [journal, segment]);
    const index = { sort: orderedText([SEGMENT, segment]), segment, ...(content.kind === 'end' ? {} : { open: journal }) };
    const outcome = await this.#items.create({ pk, id, key, kind: SEGMENT, revision: 1, body: this.#text.write(content), removed: false, index });
    if (outcome === 'refused') throw new KeyholdError('already_exists', 'There is such a segment already.');
  }

  async list(journal: string, after: number, limit: number): Promise<readonly (UsageSegmentKey & { readonly content: UsageSegment })[]> {
    const pk = partitionKey(partitionOf(journal));
    const items = await this.#items.query(
      `SELECT TOP ${limit} * FROM c WHERE c.pk = @pk AND c.segment > @after ORDER BY c.segment`,
      [{ name: '@pk', value: pk }, { name: '@after', value: after }],
      pk,
    );
    return items.map((item) => ({ journal, segment: segmentOf(item), content: this.#content(item) }));
  }

  async removeBelow({ journal, segment }: UsageSegmentKey): Promise<void> {
    const pk = partitionKey(partitionOf(journal));
    const below = await this.#items.heads('c.pk = @pk AND c.segment < @segment', [{ name: '@pk', value: pk }, { name: '@segment', value: segment }], pk);
    for (const head of below) await this.#items.delete(head);
  }

  async unfinished(): Promise<readonly UsageSegmentKey[]> {
    const last = new Map<string, number>();
    for (const value of await this.#items.values('SELECT VALUE [c.open, c.segment] FROM c WHERE IS_STRING(c.open)', [])) {
      const [journal, segment]: readonly unknown[] = Array.isArray(value) ? value : [];
      if (typeof journal !== 'string' || typeof segment !== 'number') throw unreadable('it is no open segment');
      last.set(journal, Math.max(segment, last.get(journal) ?? 0));
    }
    return [...last].map(([journal, segment]) => ({ journal, segment }));
  }

  #content(item: KeptItem): UsageSegment {
    if (item.body === null) throw unreadable('it has no body');
    return this.#text.read(item.body);
  }
}

function partitionOf(journal: string): readonly string[] {
  return [SEGMENT, journal];
}

function segmentOf(item: KeptItem): number {
  const parts: unknown = JSON.parse(item.key);
  const segment: unknown = Array.isArray(parts) ? parts[1] : undefined;
  if (typeof segment !== 'number') throw unreadable('its key is none of a segment');
  return segment;
}
