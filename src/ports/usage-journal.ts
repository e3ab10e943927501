import type { UsageEvent, UsageStart } from './usage.ts';

/** A closed piece of the journal: a batch whose content never changes again. */
export interface JournalSegment {
  readonly journal: string;
  readonly segment: number;
  readonly events: readonly UsageEvent[];
}

/**
 * Where usage is written before anything else happens with it: survives `kill -9` (power loss is not promised). One write per
 * event-loop tick, whatever the number of entries.
 */
export interface UsageJournal {
  /** Whether an answer that is over may leave only once its end is written; otherwise what was paid for is never held back. */
  readonly holdsAnswers: boolean;
  /**
   * Notes a request before its upstream call; resolves when the entry is with the operating system and room for its end entry is
   * set aside. `unavailable` when the disk is full: the request must not go on.
   */
  begin(start: UsageStart): Promise<void>;
  /** Notes how it ended; resolves when the entry is with the operating system. Uses the room set aside, so a full disk does not lose it. */
  end(event: UsageEvent): Promise<void>;
  /**
   * Closes what has been written so far into a segment and returns every closed one that is not yet `discard`ed, oldest first,
   * those of processes that died included (their open requests closed as `aborted`, `estimated`).
   */
  seal(): Promise<readonly JournalSegment[]>;
  /** Forgets a segment that has been delivered. Segments are discarded in the order in which `seal` gave them. */
  discard(segment: JournalSegment): Promise<void>;
  /** Entries that are written and not yet discarded, for metrics. */
  pending(): number;
  close(): Promise<void>;
}
