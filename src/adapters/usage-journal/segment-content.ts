import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { parseLine } from './entry.ts';

const LINE_FEED = 0x0a;

/** What a segment's file says. */
export interface SegmentContent {
  readonly starts: readonly UsageStart[];
  /** In the order in which they were written. */
  readonly events: readonly UsageEvent[];
  /** Lines that cannot be read. */
  readonly damaged: number;
  /** Bytes up to the end of the last line; what follows is room. */
  readonly length: number;
}

/**
 * Reads a segment. Blank lines are room. The last line may be a piece of one: the process was killed inside the write, so nobody was
 * told that it stands. Anything else that cannot be read is damage, and costs its own line only. A request has one end: of two, the
 * first counts.
 */
export function readSegment(bytes: Buffer): SegmentContent {
  const starts: UsageStart[] = [];
  const events: UsageEvent[] = [];
  const ended = new Set<string>();
  let unreadable = 0;
  let lastIsUnreadable = false;
  let position = 0;
  let length = 0;
  while (position < bytes.length) {
    if (bytes[position] === LINE_FEED) {
      position += 1;
      continue;
    }
    const lineFeed = bytes.indexOf(LINE_FEED, position);
    const end = lineFeed === -1 ? bytes.length : lineFeed;
    const entry = parseLine(bytes.toString('utf8', position, end));
    lastIsUnreadable = entry === undefined;
    if (entry === undefined) unreadable += 1;
    else if ('start' in entry) starts.push(entry.start);
    else if (!ended.has(entry.end.id)) {
      ended.add(entry.end.id);
      events.push(entry.end);
    }
    position = end + 1;
    length = Math.min(position, bytes.length);
  }
  return { starts, events, damaged: unreadable - (lastIsUnreadable ? 1 : 0), length };
}
