import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { UsageSegmentKey, UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import type { EndedJournal, JournalSegment } from '../../ports/usage-journal.ts';
import type { BegunDeliveries } from './begun-deliveries.ts';
import type { DeliveredJournal } from './delivery.ts';
import { OpenRequests } from './open-requests.ts';

const PAGE = 100;
/** Requests that are closed by one segment. */
const AT_ONCE = 1_000;

type Found = Awaited<ReturnType<UsageSegmentRepository['list']>>[number];

export interface DeadJournalsOptions {
  readonly segments: UsageSegmentRepository;
  /** Carries what is given into the database, as of any journal. */
  readonly deliver: (journal: DeliveredJournal) => Promise<void>;
  /** Of journals on disks. */
  readonly deliveries: Pick<BegunDeliveries, 'finish'>;
  /** The journal of this process, if it has one. */
  readonly own: () => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly termMs: number;
  /** Nobody else can be using the database now: whatever is there is a dead process's. */
  readonly alone: () => boolean;
}

/**
 * Finishes the journals in the database whose writer is gone, with its disk and all: seen without a new segment for a whole term, by our own monotonic
 * clock. Who closes one writes its next segment, so that a writer that only stood still can write no more; two who close one are told
 * apart by that as well, and what they deliver is the same. Of a journal on a disk there is only what was being delivered; that is finished, too.
 */
export class DeadJournals {
  readonly #options: DeadJournalsOptions;
  readonly #seen = new Map<string, { readonly segment: number; readonly since: number }>();

  constructor(options: DeadJournalsOptions) {
    this.#options = options;
  }

  /** One look, to be taken every few seconds; gives how many were finished. Throws the first of what went wrong, when all others were looked at; the next look goes on. */
  async look(): Promise<number> {
    const { segments, own, log } = this.#options;
    const unfinished = (await segments.unfinished()).filter(({ journal }) => journal !== own());
    for (const journal of this.#seen.keys()) if (unfinished.every((found) => found.journal !== journal)) this.#seen.delete(journal);
    let finished = 0;
    const failures: unknown[] = [];
    for (const found of unfinished) {
      if (!this.#isDead(found)) continue;
      const end = await this.#finish(found.journal).catch((error: unknown) => {
        failures.push(error);
      });
      if (end === undefined) continue;
      finished += 1;
      this.#seen.delete(found.journal);
      if (end === 'delivery') log.info('delivery_finished', 'What a replica had begun to bring into the sums of usage, and then nothing more was heard of it, has been brought there', { name: found.journal });
      else log.info('journal_finished', 'The usage journal of a replica that is gone has been finished: what was open in it counts as aborted', { name: found.journal });
    }
    if (failures.length > 0) throw failures[0];
    return finished;
  }

  #isDead({ journal, segment }: UsageSegmentKey): boolean {
    const { clock, termMs, alone } = this.#options;
    const now = clock.monotonic();
    const seen = this.#seen.get(journal);
    if (seen?.segment !== segment) this.#seen.set(journal, { segment, since: now });
    return alone() || (seen?.segment === segment && now - seen.since >= termMs);
  }

  /** What there was of it; undefined when its writer is alive after all. */
  async #finish(journal: string): Promise<'journal' | 'delivery' | undefined> {
    const { segments, deliver, deliveries } = this.#options;
    for (;;) {
      const found = await this.#all(journal);
      const aborted = abortedIn(found);
      const last = found.at(-1);
      if (last === undefined) return undefined;
      if (last.content.kind === 'delivery') {
        await deliveries.finish(found);
        return 'delivery';
      }
      if (aborted.length === 0 && last.content.kind === 'end') {
        await deliver(new FoundJournal(found, segments));
        return 'journal';
      }
      try {
        await segments.create({ journal, segment: last.segment + 1 }, { kind: 'end', starts: [], events: aborted.slice(0, AT_ONCE), withdrawn: [] });
      } catch (error) {
        if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
        const [next] = await segments.list(journal, last.segment, 1);
        if (next?.content.kind !== 'end') return undefined;
      }
    }
  }

  async #all(journal: string): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (let page = await this.#options.segments.list(journal, 0, PAGE); page.length > 0; page = await this.#options.segments.list(journal, found.at(-1)?.segment ?? 0, PAGE)) found.push(...page);
    return found;
  }
}

function abortedIn(found: readonly Found[]): readonly UsageEvent[] {
  const open = new OpenRequests();
  for (const { content } of found) open.follow(content);
  return open.aborted();
}

/** A journal that nobody writes any more, as far as it is there: its batches are those that its writer made, or would have. */
class FoundJournal implements DeliveredJournal {
  readonly #segments: UsageSegmentRepository;
  /** The first that ended it, and stays. */
  readonly #end: UsageSegmentKey | undefined;
  readonly #batches: JournalSegment[] = [];

  constructor(found: readonly Found[], segments: UsageSegmentRepository) {
    this.#segments = segments;
    this.#end = found.find(({ content }) => content.kind === 'end');
    let events: UsageEvent[] = [];
    for (const { journal, segment, content } of found) {
      events.push(...content.events);
      if (content.kind === 'entries') continue;
      this.#batches.push({ journal, segment, events });
      events = [];
    }
  }

  async seal(): Promise<readonly JournalSegment[]> {
    return [...this.#batches];
  }

  async discard(): Promise<void> {
    this.#batches.shift();
  }

  over(): readonly EndedJournal[] {
    return this.#batches.length === 0 && this.#end !== undefined ? [{ journal: this.#end.journal, isWhole: true }] : [];
  }

  /** Only now: what was leased under its name has been settled, and nobody need find it any more. */
  async forget(): Promise<void> {
    if (this.#end !== undefined) await this.#segments.removeBelow(this.#end);
  }

  pending(): number {
    return 0;
  }
}
