import { KeyholdError } from '../../ports/errors.ts';
import type { BudgetShare, Money, TokenCounts, UsageEvent, UsageStart } from '../../ports/usage.ts';

/** Bytes of a start's line at most: as many budgets as can hold for a request take half of it. */
export const MAX_START = 6_144;
/** What an end's line may need beyond its start's: what is only known at the end, names that changed on the way, and shares of budgets with more digits. */
const END_EXTRA = 1_536;
/** How long free texts may be, from the first try to the one that always fits. */
const TEXT_LIMITS = [512, 128, 64, 0] as const;
const MAX_TAGS = 64;
/** Names of our own, which are short already. */
const MAX_NAME = 128;
const SHORTEST_NAME = 32;

/** One JSON text and a line feed: `{"start":…}` or `{"end":…}`, the fields of the ports' types in the order below. */
export interface Line {
  readonly text: string;
  readonly bytes: number;
}

export type Entry = { readonly start: UsageStart } | { readonly end: UsageEvent };

/** Room that has to be set aside for the end of a request whose start takes this many bytes. */
export function roomForEnd(startBytes: number): number {
  return startBytes + END_EXTRA;
}

/** The start's line, and the start exactly as it will be read from it; throws `internal` for an id or tenant that no request can have. */
export function startLine(start: UsageStart): Line & { readonly start: UsageStart } {
  if (start.id.length > 64 || start.tenant.length > 64) throw new KeyholdError('internal', 'A usage entry has an impossible id or tenant.');
  const { text, bytes, value } = fitted(
    start,
    isSoundStart(start) ? { start } : undefined,
    (limit): { readonly start: UsageStart } => ({
      start: {
        ...commonFields(start, limit),
        startedAt: finite(start.startedAt),
        estimatedInputTokens: count(start.estimatedInputTokens),
        estimatedCost: isCost(start.estimatedCost) ? start.estimatedCost : null,
      },
    }),
    MAX_START,
  );
  return { text, bytes, start: value.start };
}

/** The end's line, of `room` bytes at most, and the event exactly as it will be read from it. */
export function endLine(event: UsageEvent, room: number): Line & { readonly event: UsageEvent } {
  const { text, bytes, value } = fitted(event, isSoundEnd(event) ? { end: event } : undefined, (limit) => ({ end: endFields(event, limit) }), room);
  return { text, bytes, event: value.end };
}

/** What a line says; undefined when it is damaged. */
export function parseLine(text: string): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  if (isStart(value['start'])) return { start: value['start'] };
  if (isEvent(value['end'])) return { end: value['end'] };
  return undefined;
}

/**
 * The first way of writing that fits; the entry as it is, where its numbers allow that: most are never copied. JSON writes `\u` for what a database may refuse (a NUL, half a character) and a bit more;
 * such texts are cleaned even when they fit. No text at all always fits.
 */
function fitted<T>(entry: UsageStart | UsageEvent, asItIs: T | undefined, make: (limit: number | undefined) => T, room: number): Line & { readonly value: T } {
  if (hasShortTexts(entry)) {
    const line = lineOf(asItIs ?? make(undefined));
    if (line.bytes <= room && !line.text.includes('\\u')) return line;
  }
  for (const limit of TEXT_LIMITS) {
    const line = lineOf(make(limit));
    if (line.bytes <= room) return line;
  }
  throw new KeyholdError('internal', 'A usage entry does not fit into the journal.');
}

function lineOf<T>(value: T): Line & { readonly value: T } {
  const text = `${JSON.stringify(value)}\n`;
  return { text, bytes: Buffer.byteLength(text), value };
}

/** Whether it is worth trying to write the texts as they are; a caller may have sent megabytes. */
export function hasShortTexts({ service, route, model, endUser, tags }: Pick<UsageStart, 'service' | 'route' | 'model' | 'endUser' | 'tags'>): boolean {
  let length = service.length + route.length + (model?.length ?? 0) + (endUser?.length ?? 0);
  for (const key in tags) {
    length += key.length + (tags[key]?.length ?? 0);
    if (length > MAX_START) return false;
  }
  return length <= MAX_START;
}

function commonFields(entry: UsageStart | UsageEvent, limit: number | undefined) {
  return {
    id: entry.id,
    tenant: entry.tenant,
    service: name(entry.service, limit),
    model: entry.model === null ? null : clipped(entry.model, limit),
    route: name(entry.route, limit),
    keySource: entry.keySource,
    credentialId: entry.credentialId,
    credentialVersion: entry.credentialVersion,
    gatewayKeyId: entry.gatewayKeyId,
    tokenId: entry.tokenId,
    tags: limit === undefined ? entry.tags : clippedTags(entry.tags, limit),
    endUser: entry.endUser === null ? null : clipped(entry.endUser, limit),
    ...(entry.shares === undefined ? {} : { shares: entry.shares }),
  };
}

function endFields(event: UsageEvent, limit: number | undefined): UsageEvent {
  const counts = countsOf(event);
  return {
    ...commonFields(event, limit),
    time: finite(event.time),
    status: event.status,
    outcome: event.outcome,
    attempts: count(event.attempts),
    inputTokens: counts.inputTokens,
    outputTokens: counts.outputTokens,
    cachedTokens: counts.cachedTokens,
    cacheWriteTokens: counts.cacheWriteTokens,
    reasoningTokens: counts.reasoningTokens,
    estimated: event.estimated || counts !== event,
    latencyMs: finite(event.latencyMs),
    firstTokenMs: event.firstTokenMs === null ? null : finite(event.firstTokenMs),
    cost: event.cost,
    unpriced: event.unpriced,
  };
}

/** Whether every number of it can be written and summed. */
export function isSoundStart({ startedAt, estimatedInputTokens, estimatedCost }: UsageStart): boolean {
  return Number.isFinite(startedAt) && isCount(estimatedInputTokens) && isCost(estimatedCost);
}

/** As `isSoundStart`. */
export function isSoundEnd(event: UsageEvent): boolean {
  const { time, attempts, latencyMs, firstTokenMs } = event;
  return countsOf(event) === event && Number.isFinite(time) && isCount(attempts) && Number.isFinite(latencyMs) && (firstTokenMs === null || Number.isFinite(firstTokenMs));
}

/** The event itself when its counts can be summed; what a provider sent instead of a count is 0, and the event an estimate. */
function countsOf(event: TokenCounts): TokenCounts {
  const { inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens } = event;
  if (isCount(inputTokens) && isCount(outputTokens) && isCount(cachedTokens) && isCount(cacheWriteTokens) && isCount(reasoningTokens)) return event;
  return {
    inputTokens: count(inputTokens),
    outputTokens: count(outputTokens),
    cachedTokens: count(cachedTokens),
    cacheWriteTokens: count(cacheWriteTokens),
    reasoningTokens: count(reasoningTokens),
  };
}

function name(text: string, limit: number | undefined): string {
  return limit === undefined ? text : clipped(text, limit === 0 ? SHORTEST_NAME : MAX_NAME);
}

function clipped(text: string, limit: number | undefined): string {
  return limit === undefined ? text : text.slice(0, limit).toWellFormed().replaceAll('\0', '\u{FFFD}');
}

function clippedTags(tags: Readonly<Record<string, string>>, limit: number): Readonly<Record<string, string>> {
  if (limit === 0) return {};
  const kept = Object.entries(tags).slice(0, MAX_TAGS);
  return Object.fromEntries(kept.map(([key, value]) => [clipped(key, limit), clipped(value, limit)]));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isCost(value: unknown): value is number | null | undefined {
  return value === null || value === undefined || (typeof value === 'number' && isCount(value));
}

function count(value: number): number {
  return isCount(value) ? value : 0;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || typeof value === 'number';
}

function isMoneyOrNull(value: unknown): value is Money | null {
  return value === null || (isObject(value) && isText(value['amount']) && isText(value['currency']));
}

function isShares(value: unknown): value is readonly BudgetShare[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every((share) => isObject(share) && isText(share['budget']) && isText(share['period']) && isNumber(share['amount']) && isNumber(share['of'])));
}

function hasCommonFields(value: Readonly<Record<string, unknown>>): boolean {
  return (
    ['id', 'tenant', 'service', 'route', 'keySource'].every((key) => isText(value[key])) &&
    ['model', 'credentialId', 'gatewayKeyId', 'tokenId', 'endUser'].every((key) => isTextOrNull(value[key])) &&
    isNumberOrNull(value['credentialVersion']) &&
    isShares(value['shares']) &&
    isObject(value['tags']) &&
    Object.values(value['tags']).every(isText)
  );
}

function isStart(value: unknown): value is UsageStart {
  return isObject(value) && hasCommonFields(value) && isNumber(value['startedAt']) && isNumber(value['estimatedInputTokens']) && isCost(value['estimatedCost']);
}

function isEvent(value: unknown): value is UsageEvent {
  return (
    isObject(value) &&
    hasCommonFields(value) &&
    ['time', 'attempts', 'inputTokens', 'outputTokens', 'cachedTokens', 'cacheWriteTokens', 'reasoningTokens', 'latencyMs'].every((key) => isNumber(value[key])) &&
    isNumberOrNull(value['status']) &&
    isNumberOrNull(value['firstTokenMs']) &&
    isText(value['outcome']) &&
    isMoneyOrNull(value['cost']) &&
    typeof value['estimated'] === 'boolean' &&
    typeof value['unpriced'] === 'boolean'
  );
}
