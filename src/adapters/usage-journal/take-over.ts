import { join } from 'node:path';
import { ClosedSegment } from './closed-segment.ts';
import type { Disk } from './disk.ts';
import { endLine } from './entry.ts';
import { OpenRequests } from '../../core/usage/open-requests.ts';
import type { EndedJournal } from '../../ports/usage-journal.ts';
import { Marks } from './marks.ts';
import { readSegment, type SegmentContent } from './segment-content.ts';
import { SegmentFile } from './segment-file.ts';
import { isUnfinished, parseSegmentName, segmentFileName } from './segment-name.ts';

interface FoundSegment {
  readonly journal: string;
  readonly segment: number;
  readonly path: string;
  readonly content: SegmentContent;
}

/**
 * Takes over the journals of processes that are gone (whoever holds the data folder is alone in it): their open requests are closed
 * in a segment that comes after their last one, then all of it is delivered like anything else. What is found open is computed from
 * files that do not change, and the new segment appears whole, so being killed anywhere in here and starting again ends the same.
 * Throws what the disk says.
 */
export function takeOver(disk: Disk, folder: string): { readonly closed: readonly ClosedSegment[]; readonly damaged: number; readonly marked: readonly EndedJournal[] } {
  const names = disk.list(folder);
  for (const name of names.filter(isUnfinished)) disk.remove(join(folder, name));
  const segments = names.flatMap((name) => parseSegmentName(name) ?? []).toSorted((a, b) => a.segment - b.segment);
  const closed: ClosedSegment[] = [];
  const marks = new Marks(disk, folder, names);
  let damaged = 0;
  for (const [journal, ofJournal] of Map.groupBy(segments, (segment) => segment.journal)) {
    const open = new OpenRequests();
    let last = 0;
    for (const { segment } of ofJournal) {
      const path = join(folder, segmentFileName(journal, segment));
      const bytes = disk.read(path);
      const content = readSegment(bytes);
      damaged += content.damaged;
      if (content.damaged > 0) marks.isDamaged(journal);
      open.follow(content);
      last = segment;
      // The room is not needed any more, or is needed for the segment below.
      if (bytes.length > content.length) disk.truncate(path, content.length);
      closed.push(closedSegment(disk, { journal, segment, path, content }));
    }
    const aborted = open.aborted();
    if (aborted.length === 0) continue;
    const path = join(folder, segmentFileName(journal, last + 1));
    const lines = aborted.map((event) => endLine(event, Infinity));
    SegmentFile.create(disk, path, Buffer.from(lines.map(({ text }) => text).join('')), 0).finish();
    closed.push(new ClosedSegment(disk, { journal, segment: last + 1, path }, lines.length, null));
  }
  // Only now: a segment without events may have held the starts that the new one ends.
  for (const { path } of closed.filter(({ count }) => count === 0)) disk.remove(path);
  return { closed: closed.filter(({ count }) => count > 0), damaged, marked: marks.all() };
}

function closedSegment(disk: Disk, found: FoundSegment): ClosedSegment {
  return new ClosedSegment(disk, found, found.content.events.length, null);
}
