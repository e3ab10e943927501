import { KeyholdError } from '../../ports/errors.ts';
import type { UsageRange, UsageRepository } from '../../ports/metadata/usage.ts';
import type { Page } from '../../ports/metadata/stored.ts';
import type { UsageEvent } from '../../ports/usage.ts';

/** A batch may hold a megabyte, so few are read at a time. */
const BATCHES_PER_PAGE = 8;
const CURSOR = /^(\d{1,15})\.([\w-]{1,64})$/u;

/** Of which tenant, of what time, and whose events (R0.2: own usage). */
export interface EventSelection {
  readonly tenant: string;
  readonly range: UsageRange;
  readonly mine: (event: UsageEvent) => boolean;
}

/** Every event of the selection, in no particular order. */
export async function* eventsOf(repository: UsageRepository, { tenant, range, mine }: EventSelection): AsyncGenerator<UsageEvent> {
  if (range.from >= range.to) return;
  for await (const { events } of batchesOf(repository, tenant, range)) {
    for (const event of events) {
      if (isIn(range, event.time) && mine(event)) yield event;
    }
  }
}

/**
 * A page of the selection's events, newest first; events of one millisecond by id. Batches of several journals overlap in time, so
 * reading goes on until no further batch can hold an event that belongs on the page: they come in the order of their newest one.
 * Throws `invalid_argument` for a cursor that this never made.
 */
export async function newestEvents(repository: UsageRepository, selection: EventSelection, limit: number, after: string | undefined): Promise<Page<UsageEvent>> {
  const before = after === undefined ? undefined : parseCursor(after);
  const range = before === undefined ? selection.range : { from: selection.range.from, to: Math.min(selection.range.to, before.time + 1) };
  // One more than the page holds tells whether there is a next one.
  let newest: UsageEvent[] = [];
  if (range.from < range.to) {
    for await (const { events } of batchesOf(repository, selection.tenant, range)) {
      const last = newest.length > limit ? newest[limit] : undefined;
      if (last !== undefined && newestTime(events) < last.time) break;
      const wanted = events.filter((event) => isIn(range, event.time) && selection.mine(event) && (before === undefined || byNewest(before, event) < 0));
      if (wanted.length > 0) newest = [...newest, ...wanted].sort(byNewest).slice(0, limit + 1);
    }
  }
  const items = newest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: newest.length > limit && last !== undefined ? cursorOf(last) : undefined };
}

async function* batchesOf(repository: UsageRepository, tenant: string, range: UsageRange): AsyncGenerator<{ readonly events: readonly UsageEvent[] }> {
  let after: string | undefined;
  do {
    const page = await repository.listBatches(tenant, range, { limit: BATCHES_PER_PAGE, after });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

type Place = Pick<UsageEvent, 'time' | 'id'>;

function byNewest(a: Place, b: Place): number {
  if (a.time !== b.time) return b.time - a.time;
  if (a.id === b.id) return 0;
  return a.id < b.id ? 1 : -1;
}

function isIn(range: UsageRange, time: number): boolean {
  return time >= range.from && time < range.to;
}

function newestTime(events: readonly UsageEvent[]): number {
  return events.reduce((newest, { time }) => Math.max(newest, time), -Infinity);
}

function cursorOf(event: UsageEvent): string {
  return Buffer.from(`${event.time}.${event.id}`).toString('base64url');
}

function parseCursor(text: string): Place {
  const [, time, id] = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (time === undefined || id === undefined) {
    throw new KeyholdError('invalid_argument', 'This cursor is not known. Use the nextCursor of the page before, or leave it out to begin with the newest events.');
  }
  return { time: Number(time), id };
}
