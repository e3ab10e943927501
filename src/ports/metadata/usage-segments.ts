import type { UsageEvent, UsageStart } from '../usage.ts';

/** One step of a usage journal that is kept in the database (`KEYHOLD_JOURNAL=synchronous`), or of the delivery of one that is kept on a disk. */
export interface UsageSegment {
  /**
   * `entries`: what came since the segment before. `carry`: the same, and the events from the `carry` before up to here are delivered as one, under
   * this number. `end`: a `carry` by who took the journal over; no segment comes after it.
   * `delivery`: of a journal on a disk, whose batches of this number are about to be written; it is removed when they and their sums stand.
   */
  readonly kind: 'entries' | 'carry' | 'end' | 'delivery';
  /** Requests that have begun, and those that are still open, said again so that older segments can go. */
  readonly starts: readonly UsageStart[];
  readonly events: readonly UsageEvent[];
  /** Starts that came to nothing, so that they make no event. */
  readonly withdrawn: readonly string[];
  /** Of a `delivery` alone: whose batches. */
  readonly tenants?: readonly string[] | undefined;
}

export interface UsageSegmentKey {
  readonly journal: string;
  /** From 1, without gaps while they are there; of deliveries those that are not finished. */
  readonly segment: number;
}

/**
 * Journals in the database, each a row of numbered segments. That a number is given once decides everything: who takes a journal over writes
 * its next segment, and its former writer finds that number taken.
 */
export interface UsageSegmentRepository {
  /** Create-only, durable when resolved: `already_exists` when that number is taken. */
  create(key: UsageSegmentKey, segment: UsageSegment): Promise<void>;
  /** One journal's segments after `after`, by number, ascending; 1 to 1000 of them. */
  list(journal: string, after: number, limit: number): Promise<readonly (UsageSegmentKey & { readonly content: UsageSegment })[]>;
  /** Removes one journal's segments below this number. Their numbers could be given again: `end` stays where it is, for ever. */
  removeBelow(key: UsageSegmentKey): Promise<void>;
  /** Every journal that has segments of another kind than `end`, with the last of these; in no order. */
  unfinished(): Promise<readonly UsageSegmentKey[]>;
}
