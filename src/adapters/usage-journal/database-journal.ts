import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { UsageSegment, UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';
import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { BegunOrNot, type EndedJournal, type JournalSegment, type UsageJournal } from '../../ports/usage-journal.ts';
import { roomForEnd } from './entry.ts';
import { EntryLines } from './entry-lines.ts';
import { type BegunRequest, Gathered, inPieces } from './gathered.ts';
import { SegmentWriter } from './segment-writer.ts';

/** How long a start may wait for the database: what is refused is refused fast. */
const BEGIN_MS = 1_000;
/** How long an answer that is over may be held for its end. */
const END_MS = 10_000;
const RETRY_MS = 250;

export interface DatabaseJournalOptions {
  readonly segments: UsageSegmentRepository;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  /** Milliseconds after which others take this journal over, if nothing was written to it while it has something in it. */
  readonly termMs: number;
}

export type DatabaseJournal = UsageJournal;

/** One segment on its way. */
interface Step {
  readonly content: UsageSegment;
  readonly gathered?: Gathered;
  /** A carry: the number of the first segment that says what is open; null: none is. */
  readonly keepFrom?: number | null;
}

interface Carried extends JournalSegment {
  /** Below this, nothing is needed any more once it is delivered. */
  readonly removeBelow: number;
}

/**
 * The usage journal in the database, for disks that vanish with their process: a request is begun when its start stands there, and its answer may
 * leave when its end does. What comes while a segment is being written goes together in the next one. Without the database nothing is begun.
 */
export function openDatabaseJournal(options: DatabaseJournalOptions): DatabaseJournal {
  return new SegmentJournal(options);
}

class SegmentJournal implements DatabaseJournal {
  readonly holdsAnswers = true;
  readonly #options: DatabaseJournalOptions;
  #writer: SegmentWriter;
  readonly #open = new Map<string, BegunRequest>();
  /** Whole segments' worth; the last one still takes more. */
  #gathered: Gathered[] = [];
  #withdrawn: string[] = [];
  /** To be written before what was gathered. */
  #steps: Step[] = [];
  /** Sent, and not known to stand: nothing else may be written before it. */
  #unsettled: Step | undefined;
  readonly #lines = new EntryLines();
  #isTroubled = false;
  /** Something is leased under its name, so that it has to be found when this process is gone. */
  #isHeld = false;
  /** Written, and not in a carry yet. */
  #events: UsageEvent[] = [];
  #carried: Carried[] = [];
  #carries: PromiseWithResolvers<void> | undefined;
  #flight: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastBeat = 0;
  readonly #beat: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: DatabaseJournalOptions) {
    this.#options = options;
    this.#writer = this.#newWriter();
    this.#beat = setInterval(() => this.#beats(), options.termMs / 3).unref();
  }

  get name(): string {
    return this.#writer.journal;
  }

  begin(start: UsageStart): Promise<void> {
    if (this.#isClosed) return Promise.reject(new KeyholdError('unavailable', 'Keyhold is stopping. Send the request again.', { retryAfterSeconds: 1 }));
    if (this.#isTroubled) return Promise.reject(refusedBegin(undefined));
    try {
      const { start: written, bytes } = this.#lines.start(start);
      return this.#toGather().begin({ start: written, bytes, room: roomForEnd(bytes), isEnding: false });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  end(event: UsageEvent): Promise<void> {
    const request = this.#open.get(event.id);
    if (request === undefined || request.isEnding || this.#isClosed) return Promise.reject(closedByAnother());
    try {
      const line = this.#lines.end(event, request.room);
      request.isEnding = true;
      return this.#toGather().end(line.event, line.bytes);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async seal(): Promise<readonly JournalSegment[]> {
    if (this.#events.length > 0) {
      this.#carries ??= Promise.withResolvers<void>();
      const { promise } = this.#carries;
      this.#take();
      try {
        await promise;
      } catch (error) {
        // What is carried already can go on its way.
        if (this.#carried.length === 0) throw error;
      }
    }
    return [...this.#carried];
  }

  async discard(segment: JournalSegment): Promise<void> {
    const oldest = this.#carried[0];
    // Another has ended the journal, and delivers it.
    if (segment.journal !== this.name || oldest === undefined) return;
    if (oldest.segment !== segment.segment) throw new KeyholdError('internal', 'Journal segments are discarded in their order.');
    await this.#options.segments.removeBelow({ journal: oldest.journal, segment: oldest.removeBelow });
    if (this.#carried[0] === oldest) this.#carried.shift();
  }

  async hold(): Promise<void> {
    if (this.#isClosed || this.#isTroubled) throw refusedBegin(undefined);
    this.#isHeld = true;
    try {
      await this.#toGather().mark();
    } catch (error) {
      this.#isHeld = false;
      throw error;
    }
  }

  async release(): Promise<void> {
    this.#isHeld = false;
    const isEmpty = this.#open.size + this.#events.length + this.#carried.length + this.#steps.length + this.#gathered.length === 0;
    if (isEmpty && this.#flight === undefined && this.#unsettled === undefined && this.#writer.last > 0) await this.#options.segments.removeBelow({ journal: this.name, segment: this.#writer.last + 1 });
  }

  over(): readonly EndedJournal[] {
    return [];
  }

  async forget(): Promise<void> {}

  pending(): number {
    const onTheWay = [...this.#gathered, ...(this.#unsettled?.gathered === undefined ? [] : [this.#unsettled.gathered])];
    return [...this.#carried.map(({ events }) => events), this.#events, ...onTheWay.map(({ ended }) => ended)].reduce((sum, { length }) => sum + length, 0);
  }

  /** What is open, and what cannot be written now, is closed by another replica, or by the next start. */
  async close(): Promise<void> {
    await this.#flight;
    this.#isClosed = true;
    clearInterval(this.#beat);
    clearTimeout(this.#retry);
    const error = refusedBegin(undefined);
    for (const gathered of this.#gathered) {
      gathered.refuseBegins(error);
      gathered.endsAnswer.reject(error);
    }
    this.#carries?.reject(notWritten(undefined));
  }

  #newWriter(): SegmentWriter {
    return new SegmentWriter(this.#options.segments, this.#options.random(8).toString('hex'));
  }

  #toGather(): Gathered {
    const last = this.#gathered.at(-1);
    if (last !== undefined && !last.isFull && !last.isRefused) return last;
    const next = new Gathered([
      { afterMs: BEGIN_MS, act: (gathered) => this.#refuse(gathered, undefined) },
      { afterMs: END_MS, act: (gathered) => gathered.endsAnswer.reject(heldTooLong()) },
    ]);
    this.#gathered.push(next);
    // What comes in this tick goes together.
    setImmediate(() => this.#take());
    return next;
  }

  #refuse(gathered: Gathered, cause: unknown): void {
    this.#isTroubled = true;
    gathered.refuseBegins(new BegunOrNot(NOT_RECORDED, { retryAfterSeconds: 1, cause }));
  }

  /** Writes what there is, unless that is under way or has to wait. */
  #take(): void {
    if (this.#isClosed || this.#flight !== undefined || this.#retry !== undefined || !this.#hasWork) return;
    this.#flight = this.#fly().finally(() => {
      this.#flight = undefined;
      // What came after the last look.
      this.#take();
    });
  }

  get #hasWork(): boolean {
    return this.#unsettled !== undefined || this.#carries !== undefined || this.#steps.length + this.#gathered.length + this.#withdrawn.length > 0;
  }

  /** Never rejects. */
  async #fly(): Promise<void> {
    try {
      for (let step = this.#unsettled ?? this.#nextStep(); step !== undefined; step = this.#nextStep()) {
        this.#unsettled = step;
        const stands = await this.#writer.write(step.content);
        this.#unsettled = undefined;
        this.#isTroubled = false;
        this.#lastBeat = this.#options.clock.monotonic();
        if (stands) this.#written(step);
        else this.#takenOver(step);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #nextStep(): Step | undefined {
    const waiting = this.#steps.shift();
    if (waiting !== undefined) return waiting;
    if (this.#carries !== undefined) return this.#carrySteps();
    const gathered = this.#gathered.shift();
    if (gathered === undefined && this.#withdrawn.length === 0) {
      this.#isTroubled = false;
      return undefined;
    }
    const starts = gathered === undefined || gathered.isRefused ? [] : gathered.begun.map(({ start }) => start);
    const events = gathered?.ended ?? [];
    const withdrawn = this.#withdrawn.splice(0);
    if (starts.length + events.length + withdrawn.length === 0 && gathered?.isMark !== true) return this.#nextStep();
    return { content: { kind: 'entries', starts, events, withdrawn }, ...(gathered === undefined ? {} : { gathered }) };
  }

  /** Says all that is open once more, and closes what was written so far into a batch. */
  #carrySteps(): Step {
    const pieces = inPieces(this.#open.values());
    // What is held stays to be found: the carry itself, where nothing is open.
    const keepFrom = pieces.length === 0 && !this.#isHeld ? null : this.#writer.last + 1;
    const carry: Step = { content: { kind: 'carry', starts: pieces.at(-1) ?? [], events: [], withdrawn: [] }, keepFrom };
    const [first, ...rest] = pieces.slice(0, -1).map((starts): Step => ({ content: { kind: 'entries', starts, events: [], withdrawn: [] } }));
    if (first === undefined) return carry;
    this.#steps.push(...rest, carry);
    return first;
  }

  #written({ content, gathered, keepFrom }: Step): void {
    this.#events.push(...content.events);
    for (const { id } of content.events) this.#open.delete(id);
    if (gathered !== undefined) {
      for (const request of content.starts.length === 0 ? [] : gathered.begun) {
        if (gathered.isRefused) this.#withdrawn.push(request.start.id);
        else this.#open.set(request.start.id, request);
      }
      gathered.written();
    }
    if (content.kind !== 'carry') return;
    const { last: segment, journal } = this.#writer;
    this.#carried.push({ journal, segment, events: this.#events, removeBelow: keepFrom ?? segment + 1 });
    this.#events = [];
    this.#carries?.resolve();
    this.#carries = undefined;
  }

  #failed(error: unknown): void {
    this.#isTroubled = true;
    const { gathered } = this.#unsettled ?? {};
    if (gathered !== undefined) this.#refuse(gathered, error);
    for (const waiting of this.#gathered) this.#refuse(waiting, error);
    this.#carries?.reject(notWritten(error));
    this.#carries = undefined;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#take();
    }, RETRY_MS).unref();
  }

  /** This process stood still for so long that another has closed all that was open here, and delivers it. It begins a new journal. */
  #takenOver({ content, gathered }: Step): void {
    this.#options.log.warn('journal_taken_over', 'This replica stood still for so long that another has closed its open requests as aborted', { count: this.#open.size + content.events.length });
    this.#writer = this.#newWriter();
    this.#open.clear();
    this.#events = [];
    this.#carried = [];
    this.#steps = [];
    this.#withdrawn = [];
    this.#isHeld = false;
    this.#carries?.resolve();
    this.#carries = undefined;
    for (const waiting of [...(gathered === undefined ? [] : [gathered]), ...this.#gathered]) {
      waiting.dropEnds(closedByAnother());
      // What they have reserved was leased under the old name, and is settled with it.
      if (waiting.isMark || waiting.begun.some(({ start }) => start.shares !== undefined)) waiting.refuseBegins(refusedBegin(undefined));
    }
    // Its starts have not been written anywhere.
    if (gathered !== undefined) this.#gathered.unshift(gathered);
  }

  /** So that nobody takes a journal for left whose requests take long. */
  #beats(): void {
    const hasSomething = this.#isHeld || this.#open.size + this.#events.length + this.#carried.length > 0;
    if (!hasSomething || this.#flight !== undefined || this.#options.clock.monotonic() - this.#lastBeat < this.#options.termMs / 6) return;
    this.#steps.push({ content: { kind: 'entries', starts: [], events: [], withdrawn: [] } });
    this.#take();
  }
}

const NOT_RECORDED =
  'Usage cannot be recorded in the database, so the request was not sent on. Try again in a moment; if it goes on, an operator has to look at the database (KEYHOLD_JOURNAL=synchronous waits for it).';

function refusedBegin(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', NOT_RECORDED, { retryAfterSeconds: 1, cause });
}

function notWritten(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', 'The usage journal in the database cannot be written now. Try again in a moment.', { retryAfterSeconds: 1, cause });
}

function heldTooLong(): KeyholdError {
  return new KeyholdError('unavailable', 'The end of the request could not be recorded in the database in time.', { retryAfterSeconds: 1 });
}

function closedByAnother(): KeyholdError {
  return new KeyholdError('internal', 'A request was ended in the usage journal that is not open there: it has ended already, or another replica has closed it as aborted.');
}
