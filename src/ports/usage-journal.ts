import { KeyholdError, type KeyholdErrorOptions } from './errors.ts';
import type { UsageEvent, UsageStart } from './usage.ts';

/** A closed piece of the journal: a batch whose content never changes again. */
export interface JournalSegment {
  readonly journal: string;
  readonly segment: number;
  readonly events: readonly UsageEvent[];
}

/** A journal to which nothing will be added. */
export interface EndedJournal {
  readonly journal: string;
  /** false: something in it could not be read. */
  readonly isWhole: boolean;
}

/** The start could not be confirmed; should the process end now, the request may count as begun and aborted. */
export class BegunOrNot extends KeyholdError {
  constructor(publicMessage: string, options: KeyholdErrorOptions) {
    super('unavailable', publicMessage, options);
  }
}

/**
 * Where usage is written before anything else happens with it: survives `kill -9` (power loss is not promised). One write per
 * event-loop tick, whatever the number of entries.
 */
export interface UsageJournal {
  /** Under which what is begun in this turn is written, and given in `seal`. Another one once somebody has taken this journal over. */
  readonly name: string;
  /** Whether an answer that is over may leave only once its end is written; otherwise what was paid for is never held back. */
  readonly holdsAnswers: boolean;
  /**
   * Notes a request before its upstream call; resolves when the entry is with the operating system and room for its end entry is
   * set aside. `unavailable` when the disk is full: the request must not go on. `BegunOrNot` where it could still be found to have begun.
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
  /**
   * Leaves a mark for whoever takes the journal over: something was leased under its name, also if no request was ever begun. Resolves when it stands. Throws
   * `unavailable` when it cannot be made.
   */
  hold(): Promise<void>;
  /** Takes the mark away: nothing is leased under the journal's name any more. */
  release(): Promise<void>;
  /** Marked journals of processes that are gone, of which every segment has been discarded. */
  over(): readonly EndedJournal[];
  /** Takes such a journal's mark away. */
  forget(ended: EndedJournal): Promise<void>;
  /** Entries that are written and not yet discarded, for metrics. */
  pending(): number;
  close(): Promise<void>;
}
