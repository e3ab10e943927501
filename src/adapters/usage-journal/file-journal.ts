import { join } from 'node:path';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { isDiskFull, StartError } from '../../ports/start-error.ts';
import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import type { EndedJournal, JournalSegment, UsageJournal } from '../../ports/usage-journal.ts';
import { ClosedSegment } from './closed-segment.ts';
import { type Disk, nodeDisk } from './disk.ts';
import { roomForEnd } from './entry.ts';
import { EntryLines } from './entry-lines.ts';
import { SegmentFile } from './segment-file.ts';
import { OpenTable } from './open-table.ts';
import { markName, segmentFileName } from './segment-name.ts';
import { takeOver } from './take-over.ts';
import { type GivenEnd, type OpenRequest, TickBatch } from './tick-batch.ts';

/** A segment is closed when its ends take this much, so that a batch stays a record that any database takes. */
const SEGMENT_BYTES = 1024 * 1024;
/** Delivered events of closed segments come from memory up to this number, from the files beyond it. */
const MAX_HELD_EVENTS = 20_000;
const RETRY_MS = 1_000;

export interface FileJournalOptions {
  /** Made if it is not there. Whoever opens it must be alone in it: the data folder's lock sees to that. */
  readonly folder: string;
  readonly random: RandomBytes;
  readonly disk?: Disk;
}

export interface FileJournal extends UsageJournal {
  /** Lines of earlier journals that could not be read when this one was opened. Their requests count as aborted, or not at all. */
  damaged(): number;
}

/**
 * The usage journal in files `<journal>-<segment>.jsonl`, one journal for each process that ran. A request is in it with a start line and an
 * end line; every segment begins with the starts that were open when it was begun, so a segment can be deleted as soon as it is
 * delivered. Survives `kill -9`: a line is with the operating system before its promise resolves. Power loss is not promised.
 *
 * Opening takes over what dead processes left. Throws StartError when the folder cannot be used (4) or the disk is full (8).
 */
export async function openFileJournal({ folder, random, disk = nodeDisk }: FileJournalOptions): Promise<FileJournal> {
  try {
    disk.makeFolder(folder);
    return new FolderJournal(disk, folder, random(8).toString('hex'), takeOver(disk, folder));
  } catch (cause) {
    if (isDiskFull(cause)) throw new StartError(8, `The disk is full: the usage journal in ${folder} cannot be brought up to date. Free some space and start again; nothing has been lost.`, { cause });
    throw new StartError(4, `The usage journal in ${folder} cannot be read and written. Check the folder's owner and mode, and the disk; nothing has been changed.`, { cause });
  }
}

class FolderJournal implements FileJournal {
  readonly holdsAnswers = false;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly name: string;
  readonly #damaged: number;
  /** Oldest first; those of dead journals before this one's. */
  readonly #closed: ClosedSegment[];
  /** Dead journals under whose names something is leased. */
  #marked: EndedJournal[];
  readonly #open = new OpenTable();
  readonly #lines = new EntryLines();
  /** Bytes that the ends of the open requests may need: always set aside in the current segment. */
  #reserved = 0;
  #batch: TickBatch | null = null;
  /** Ends that the disk refused; they go ahead of the next ones. */
  #refusedEnds: GivenEnd[] = [];
  #current: SegmentFile | null = null;
  #segment = 0;
  #events: UsageEvent[] = [];
  #eventBytes = 0;
  #rotateAt = SEGMENT_BYTES;
  #tick: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(disk: Disk, folder: string, name: string, { closed, damaged, marked }: ReturnType<typeof takeOver>) {
    this.#disk = disk;
    this.#folder = folder;
    this.name = name;
    this.#closed = [...closed];
    this.#damaged = damaged;
    this.#marked = [...marked];
  }

  // The two calls of every request answer with one promise for the whole tick, so they are not async functions themselves.
  begin(start: UsageStart): Promise<void> {
    if (this.#isClosed) return Promise.reject(new KeyholdError('unavailable', 'Keyhold is stopping. Send the request again.', { retryAfterSeconds: 1 }));
    if (this.#open.get(start.id) !== undefined) return Promise.reject(new KeyholdError('internal', 'A request was begun twice in the usage journal.'));
    let request: OpenRequest;
    try {
      const { text, bytes } = this.#lines.start(start);
      request = { id: start.id, line: text, bytes, room: roomForEnd(bytes), state: 'beginning', next: undefined };
    } catch (error) {
      return Promise.reject(error);
    }
    this.#open.add(request);
    return this.#ofThisTick().begin(request);
  }

  end(event: UsageEvent): Promise<void> {
    const request = this.#open.get(event.id);
    if (request?.state !== 'open' || this.#isClosed) return Promise.reject(new KeyholdError('internal', 'A request was ended in the usage journal that is not open there.'));
    let line: ReturnType<EntryLines['end']>;
    try {
      line = this.#lines.end(event, request.room);
    } catch (error) {
      return Promise.reject(error);
    }
    request.state = 'ending';
    return this.#ofThisTick().end({ request, event: line.event, line: line.text, bytes: line.bytes });
  }

  async seal(): Promise<readonly JournalSegment[]> {
    this.#flush();
    if (this.#events.length > 0) {
      try {
        this.#rotate();
      } catch (error) {
        if (this.#closed.length === 0) throw diskRefused(error);
        // What is closed already can go on its way, and makes room.
      }
    }
    return [...this.#closed];
  }

  async discard(segment: JournalSegment): Promise<void> {
    const oldest = this.#closed[0];
    if (oldest?.journal !== segment.journal || oldest.segment !== segment.segment) throw new KeyholdError('internal', 'Journal segments are discarded in their order.');
    try {
      this.#disk.remove(oldest.path);
    } catch (error) {
      throw diskRefused(error);
    }
    this.#closed.shift();
  }

  async hold(): Promise<void> {
    if (this.#isClosed) throw new KeyholdError('unavailable', 'Keyhold is stopping. Send the request again.', { retryAfterSeconds: 1 });
    try {
      this.#disk.close(this.#disk.create(join(this.#folder, markName(this.name))));
    } catch (error) {
      throw refusedBegin(error);
    }
  }

  async release(): Promise<void> {
    this.#removeMark(this.name);
  }

  over(): readonly EndedJournal[] {
    return this.#marked.filter(({ journal }) => !this.#closed.some((segment) => segment.journal === journal));
  }

  async forget(ended: EndedJournal): Promise<void> {
    this.#removeMark(ended.journal);
    this.#marked = this.#marked.filter(({ journal }) => journal !== ended.journal);
  }

  /** Ended requests that are not discarded yet; what is only begun has nothing to deliver. */
  pending(): number {
    return this.#closed.reduce((sum, { count }) => sum + count, this.#events.length + this.#refusedEnds.length);
  }

  damaged(): number {
    return this.#damaged;
  }

  /** Requests that are still open are closed as aborted at the next start. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    clearTimeout(this.#retry);
    if (this.#current === null) return;
    try {
      this.#current.clean();
      this.#current.finish();
      if (this.#events.length === 0 && this.#open.size === 0) this.#disk.remove(this.#current.path);
    } catch {
      // Everything that was acknowledged stands; the next start reads it as it is.
    }
  }

  #removeMark(journal: string): void {
    try {
      this.#disk.remove(join(this.#folder, markName(journal)));
    } catch (error) {
      throw diskRefused(error);
    }
  }

  #ofThisTick(): TickBatch {
    if (this.#batch === null) {
      this.#batch = new TickBatch();
      this.#tick = setImmediate(() => {
        this.#flush();
      });
    }
    return this.#batch;
  }

  /** Writes what has come since the last time with one write, and answers it. */
  #flush(): void {
    const batch = this.#batch ?? new TickBatch();
    clearImmediate(this.#tick);
    this.#batch = null;
    const ends = [...this.#refusedEnds, ...batch.ended];
    let begun: readonly OpenRequest[] = batch.begun;
    try {
      if (begun.length > 0) this.#makeRoom(begun, ends);
    } catch (error) {
      this.#refuseBegins(batch, error);
      begun = [];
    }
    if (begun.length + ends.length === 0) return;
    try {
      // One text of all pieces: each is copied twice, and not with every text that it becomes a part of.
      let lines = '';
      for (const { line } of begun) lines += line;
      for (const { line } of ends) lines += line;
      this.#writtenTo().write(Buffer.from(lines));
    } catch (error) {
      this.#refuseBegins(batch, error);
      this.#keepEnds(batch, ends, error);
      return;
    }
    this.#refusedEnds = [];
    for (const request of begun) {
      request.state = 'open';
      this.#reserved += request.room;
    }
    for (const { request, event, bytes } of ends) {
      this.#open.delete(request.id);
      this.#reserved -= request.room;
      this.#events.push(event);
      this.#eventBytes += bytes;
    }
    batch.beginsAnswer.resolve();
    batch.endsAnswer.resolve();
    this.#rotateWhenLarge();
  }

  /** For these entries, and for the ends of all that stay open. The ends alone always have room: it was set aside at their start. */
  #makeRoom(begun: readonly OpenRequest[], ends: readonly GivenEnd[]): void {
    let bytes = this.#reserved;
    for (const request of begun) bytes += request.bytes + request.room;
    for (const end of ends) bytes += end.bytes - end.request.room;
    this.#current ??= this.#newSegment();
    this.#current.setAside(bytes);
  }

  #writtenTo(): SegmentFile {
    if (this.#current === null) throw new KeyholdError('internal', 'The usage journal has no segment to write to.');
    return this.#current;
  }

  #refuseBegins(batch: TickBatch, error: unknown): void {
    for (const { id } of batch.begun) this.#open.delete(id);
    batch.beginsAnswer.reject(refusedBegin(error));
  }

  #keepEnds(batch: TickBatch, ends: GivenEnd[], error: unknown): void {
    this.#refusedEnds = ends;
    batch.endsAnswer.reject(diskRefused(error));
    clearTimeout(this.#retry);
    if (ends.length === 0 || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#flush();
    }, RETRY_MS).unref();
  }

  /** Where that fails, the segment goes on and is tried again later. */
  #rotateWhenLarge(): void {
    if (this.#eventBytes < this.#rotateAt) return;
    try {
      this.#rotate();
    } catch {
      this.#rotateAt = this.#eventBytes + SEGMENT_BYTES;
    }
  }

  /** Closes the current segment and begins the next. Throws what the disk says, with the current segment going on. */
  #rotate(): void {
    const previous = this.#writtenTo();
    if (this.#refusedEnds.length > 0) throw new KeyholdError('unavailable', 'The usage journal has entries that are not written yet.');
    previous.clean();
    const segment = this.#segment;
    this.#current = this.#newSegment();
    const held = this.#closed.reduce((sum, { held }) => sum + held, this.#events.length);
    this.#closed.push(
      new ClosedSegment(this.#disk, { journal: this.name, segment, path: previous.path }, this.#events.length, held > MAX_HELD_EVENTS ? null : this.#events),
    );
    this.#events = [];
    this.#eventBytes = 0;
    previous.finish();
  }

  /** The next segment, begun with the starts of all that is open and with room for their ends. */
  #newSegment(): SegmentFile {
    const starts = this.#open.all().filter(({ state }) => state !== 'beginning');
    const carried = Buffer.from(starts.map(({ line }) => line).join(''));
    const file = SegmentFile.create(this.#disk, join(this.#folder, segmentFileName(this.name, this.#segment + 1)), carried, this.#reserved);
    this.#segment += 1;
    // A carry is written again with each segment, so segments grow with it.
    this.#rotateAt = Math.max(SEGMENT_BYTES, 2 * carried.length);
    return file;
  }
}

function refusedBegin(cause: unknown): KeyholdError {
  return new KeyholdError(
    'unavailable',
    'Usage cannot be recorded, so the request was not sent on. Try again in a moment; if it goes on, an operator has to free space on the disk of Keyhold\'s data folder.',
    { retryAfterSeconds: 5, cause },
  );
}

function diskRefused(cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', 'The usage journal cannot be written. An operator has to look at the disk of Keyhold\'s data folder.', { retryAfterSeconds: 5, cause });
}
