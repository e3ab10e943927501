import type { UsageEvent } from '../../ports/usage.ts';
import type { JournalSegment } from '../../ports/usage-journal.ts';
import type { Disk } from './disk.ts';
import { readSegment } from './segment-content.ts';

/** A segment that waits for its delivery. Its events are kept at hand or read from its file when they are asked for. */
export class ClosedSegment implements JournalSegment {
  readonly journal: string;
  readonly segment: number;
  readonly path: string;
  /** How many events it has. */
  readonly count: number;
  readonly #disk: Disk;
  readonly #atHand: readonly UsageEvent[] | null;

  constructor(disk: Disk, at: Pick<ClosedSegment, 'journal' | 'segment' | 'path'>, count: number, atHand: readonly UsageEvent[] | null) {
    this.#disk = disk;
    this.journal = at.journal;
    this.segment = at.segment;
    this.path = at.path;
    this.count = count;
    this.#atHand = atHand;
  }

  /** Throws what the disk says when the file cannot be read. */
  get events(): readonly UsageEvent[] {
    return this.#atHand ?? readSegment(this.#disk.read(this.path)).events;
  }

  /** How many events it holds in memory. */
  get held(): number {
    return this.#atHand?.length ?? 0;
  }
}
