import { KeyholdError } from '../../../ports/errors.ts';
import type { UsageSegment, UsageSegmentKey, UsageSegmentRepository } from '../../../ports/metadata/usage-segments.ts';
import { requireStorable, StoredText } from '../stored-text.ts';

/** Journals in memory. */
export class MemoryUsageSegments implements UsageSegmentRepository {
  readonly #journals = new Map<string, Map<number, string>>();
  readonly #text = new StoredText<UsageSegment>();

  async create({ journal, segment }: UsageSegmentKey, content: UsageSegment): Promise<void> {
    requireStorable([journal]);
    const segments = this.#journals.get(journal) ?? new Map<number, string>();
    if (segments.has(segment)) throw new KeyholdError('already_exists', 'There is such a segment already.');
    this.#journals.set(journal, segments.set(segment, this.#text.write(content)));
  }

  async list(journal: string, after: number, limit: number): Promise<readonly (UsageSegmentKey & { readonly content: UsageSegment })[]> {
    requireStorable([journal]);
    return this.#of(journal)
      .filter(({ segment }) => segment > after)
      .slice(0, limit);
  }

  async removeBelow({ journal, segment: limit }: UsageSegmentKey): Promise<void> {
    requireStorable([journal]);
    for (const { segment } of this.#of(journal)) if (segment < limit) this.#journals.get(journal)?.delete(segment);
  }

  async unfinished(): Promise<readonly UsageSegmentKey[]> {
    return [...this.#journals.keys()].flatMap((journal) => {
      const last = this.#of(journal).findLast(({ content }) => content.kind !== 'end');
      return last === undefined ? [] : [{ journal, segment: last.segment }];
    });
  }

  #of(journal: string): readonly (UsageSegmentKey & { readonly content: UsageSegment })[] {
    const segments = [...(this.#journals.get(journal) ?? [])].map(([segment, text]) => ({ journal, segment, content: this.#text.read(text) }));
    return segments.toSorted((a, b) => a.segment - b.segment);
  }
}
