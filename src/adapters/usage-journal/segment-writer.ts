import { KeyholdError } from '../../ports/errors.ts';
import type { UsageSegment, UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';

/**
 * Writes one journal's segments, one after the other. Each number is given once, so a writer that was taken for dead finds out by its next write:
 * whoever took the journal over has put an `end` where that was to go.
 */
export class SegmentWriter {
  readonly journal: string;
  readonly #segments: UsageSegmentRepository;
  #last = 0;

  constructor(segments: UsageSegmentRepository, journal: string) {
    this.#segments = segments;
    this.journal = journal;
  }

  /** The number of the segment that was written last; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /**
   * The next segment; false when the journal was ended by another. When it throws, nobody knows whether it stands: the same has to be written again
   * before anything else.
   */
  async write(content: UsageSegment): Promise<boolean> {
    const key = { journal: this.journal, segment: this.#last + 1 };
    try {
      await this.#segments.create(key, content);
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
      const [found] = await this.#segments.list(this.journal, this.#last, 1);
      if (found?.segment !== key.segment || !isSame(found.content, content)) return false;
    }
    this.#last = key.segment;
    return true;
  }
}

function isSame(one: UsageSegment, other: UsageSegment): boolean {
  return textOf(one) === textOf(other);
}

/** Ids are given once, so they say which segment it is. */
function textOf({ kind, starts, events, withdrawn }: UsageSegment): string {
  return JSON.stringify([kind, starts.map(({ id }) => id), events.map(({ id }) => id), withdrawn]);
}
