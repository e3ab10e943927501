import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { Answer } from './tick-batch.ts';

/** A request that is begun, as the journal has it. */
export interface BegunRequest {
  readonly start: UsageStart;
  readonly bytes: number;
  /** Bytes that its end may take. */
  readonly room: number;
  /** Its end was given, and may not be written yet: until then it is open. */
  isEnding: boolean;
}

/** A segment's worth of entries. */
const MAX_BYTES = 512 * 1024;

/** What has come while the segment before was being written: the next one. */
export class Gathered {
  readonly begun: BegunRequest[] = [];
  readonly ended: UsageEvent[] = [];
  readonly beginsAnswer = new Answer();
  readonly endsAnswer = new Answer();
  /** Who waits for the starts has been refused. */
  isRefused = false;
  /** Is written even if there is nothing in it, so that the journal is found. */
  isMark = false;
  #bytes = 0;
  readonly #timers: readonly NodeJS.Timeout[];

  /** What is to happen to it when it was not written after so many milliseconds. */
  constructor(late: readonly { readonly afterMs: number; readonly act: (gathered: Gathered) => void }[]) {
    this.#timers = late.map(({ afterMs, act }) => setTimeout(() => act(this), afterMs).unref());
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES;
  }

  begin(request: BegunRequest): Promise<void> {
    this.begun.push(request);
    this.#bytes += request.bytes;
    return this.beginsAnswer.promise;
  }

  mark(): Promise<void> {
    this.isMark = true;
    return this.beginsAnswer.promise;
  }

  end(event: UsageEvent, bytes: number): Promise<void> {
    this.ended.push(event);
    this.#bytes += bytes;
    return this.endsAnswer.promise;
  }

  refuseBegins(error: unknown): void {
    this.isRefused = true;
    this.beginsAnswer.reject(error);
  }

  /** It stands. */
  written(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.beginsAnswer.resolve();
    this.endsAnswer.resolve();
  }

  /** Its ends count no more, and its starts are still to be written. */
  dropEnds(error: unknown): void {
    this.endsAnswer.reject(error);
    this.ended.length = 0;
  }
}

/** The starts in pieces that a segment takes; none for none. */
export function inPieces(requests: Iterable<BegunRequest>): readonly (readonly UsageStart[])[] {
  const pieces: UsageStart[][] = [];
  let left = 0;
  for (const { start, bytes } of requests) {
    if (pieces.length === 0 || left < bytes) {
      pieces.push([]);
      left = MAX_BYTES;
    }
    left -= bytes;
    pieces.at(-1)?.push(start);
  }
  return pieces;
}
