import type { RouteSpec, StreamEnd } from '../core/catalog/service.ts';
import type { MeteredCounts } from '../ports/usage.ts';
import { sseEvent } from './sse-frames.ts';
import { CACHE_CREATION, isFields, tokenCounts } from './token-counts.ts';

/** What to do with a frame: pass it on, keep it back, or pass it on as the end of the stream. */
type FrameVerdict = 'pass' | 'drop' | 'finished' | 'failed';

/** Reads a stream's usage and its end from its frames, without changing them. */
export interface StreamReader {
  read(frame: string): FrameVerdict;
  /** The provider's own counts so far; undefined while it has told none. */
  readonly counts: MeteredCounts | undefined;
  /** The counts are those of the whole answer. */
  readonly final: boolean;
  /** Characters of text that came, for an estimate when the counts do not. */
  readonly characters: number;
  /** An orderly end of the connection is the end of the answer now, though no event said so. */
  readonly mayEnd: boolean;
  /** An event before the last one said that the answer failed. */
  readonly failed: boolean;
}

/** The reader for a route's streams; `usageAdded` when the caller did not ask for the usage that is coming. */
export function streamReader(route: RouteSpec, usageAdded: boolean): StreamReader {
  const end = route.streamEnd ?? { finished: [], failed: [] };
  if (route.usage === 'openai-chat') return new ChatReader(end, usageAdded);
  if (route.usage === 'anthropic-messages') return new MessagesReader(end);
  if (route.usage === 'openai-responses') return new ResponsesReader(end);
  return new PlainReader(end, route.streamEnd === undefined);
}

/** `data: {…}` with choices; usage in one of the last chunks, `[DONE]` at the end. */
class ChatReader implements StreamReader {
  readonly #end: StreamEnd;
  readonly #usageAdded: boolean;
  counts: MeteredCounts | undefined;
  final = false;
  characters = 0;
  mayEnd = false;
  failed = false;

  constructor(end: StreamEnd, usageAdded: boolean) {
    this.#end = end;
    this.#usageAdded = usageAdded;
  }

  read(frame: string): FrameVerdict {
    if (this.#isLast(frame)) return this.failed ? 'failed' : 'finished';
    // A frame has one of them; the others are looked for where it is empty.
    this.characters += lengthAfter(frame, 'content":"') || lengthAfter(frame, 'arguments":"') || lengthAfter(frame, 'text":"');
    if (this.#end.finishReasonSuffices === true && /"finish_reason"\s*:\s*"/.test(frame)) this.mayEnd = true;
    return mentionsObject(frame, 'usage"') || mentionsObject(frame, 'error"') ? this.#special(frame) : 'pass';
  }

  /** Few frames hold the word at all, so few are read as an event. */
  #isLast(frame: string): boolean {
    const { finished } = this.#end;
    return finished.some((word) => frame.includes(word)) && finished.includes(sseEvent(frame).data.trim());
  }

  #special(frame: string): FrameVerdict {
    const data = parsed(sseEvent(frame).data);
    if (!isFields(data)) return 'pass';
    if (isFields(data['error'])) this.failed = true;
    const counts = tokenCounts(data['usage'], 'openai-chat');
    if (counts === undefined) return 'pass';
    this.counts = counts;
    this.final = true;
    const { choices } = data;
    return this.#usageAdded && Array.isArray(choices) && choices.length === 0 ? 'drop' : 'pass';
  }
}

const DELTA = 'content_block_delta';

/** Named events; the counts of `message_delta` are cumulative, so the last ones hold (FACTS 4). */
class MessagesReader implements StreamReader {
  readonly #end: StreamEnd;
  #usage: Record<string, unknown> = {};
  final = false;
  characters = 0;
  readonly mayEnd = false;
  readonly failed = false;

  constructor(end: StreamEnd) {
    this.#end = end;
  }

  get counts(): MeteredCounts | undefined {
    return tokenCounts(this.#usage, 'anthropic-messages');
  }

  read(frame: string): FrameVerdict {
    // Most frames are of this kind, and need not be read as an event.
    const { name, data } = frame.startsWith(`event: ${DELTA}\n`) ? { name: DELTA, data: '' } : sseEvent(frame);
    if (name === DELTA) {
      this.characters += lengthAfter(frame, 'text":"') || lengthAfter(frame, 'partial_json":"') || lengthAfter(frame, 'thinking":"');
      return 'pass';
    }
    if (name === 'message_start') {
      const start = parsed(data);
      if (isFields(start) && isFields(start['message'])) this.#take(start['message']['usage']);
    } else if (name === 'message_delta') {
      const delta = parsed(data);
      if (isFields(delta) && this.#take(delta['usage'])) this.final = true;
    }
    return verdictOf(name, this.#end);
  }

  #take(usage: unknown): boolean {
    if (!isFields(usage)) return false;
    for (const [name, value] of Object.entries(usage)) if (typeof value === 'number' || name === CACHE_CREATION) this.#usage[name] = value;
    return true;
  }
}

/** Named events, `response.completed` with the whole answer and its usage at the end. */
class ResponsesReader implements StreamReader {
  readonly #end: StreamEnd;
  counts: MeteredCounts | undefined;
  final = false;
  characters = 0;
  readonly mayEnd = false;
  readonly failed = false;

  constructor(end: StreamEnd) {
    this.#end = end;
  }

  read(frame: string): FrameVerdict {
    const name = eventName(frame);
    if (name.endsWith('.delta')) this.characters += lengthAfter(frame, 'delta":"');
    const verdict = verdictOf(name, this.#end);
    if (verdict === 'pass') return verdict;
    const data = parsed(sseEvent(frame).data);
    const response = isFields(data) && isFields(data['response']) ? data['response'] : {};
    this.counts = tokenCounts(response['usage'], 'openai-responses');
    this.final = this.counts !== undefined;
    return verdict;
  }
}

/** A stream nobody counts. */
class PlainReader implements StreamReader {
  readonly #end: StreamEnd;
  readonly counts = undefined;
  readonly final = false;
  readonly characters = 0;
  /** The catalogue knows no last event: an orderly end is all there is. */
  readonly mayEnd: boolean;
  readonly failed = false;

  constructor(end: StreamEnd, mayEnd: boolean) {
    this.#end = end;
    this.mayEnd = mayEnd;
  }

  read(frame: string): FrameVerdict {
    const { name, data } = sseEvent(frame);
    return this.#end.finished.includes(data.trim()) ? 'finished' : verdictOf(name, this.#end);
  }
}

function verdictOf(name: string, end: StreamEnd): FrameVerdict {
  if (name === '') return 'pass';
  if (end.finished.includes(name)) return 'finished';
  return end.failed.includes(name) ? 'failed' : 'pass';
}

/** The name an event has, or the `type` its data begins with where the provider leaves the name out. */
function eventName(frame: string): string {
  if (frame.startsWith('event: ')) {
    const end = frame.search(/[\r\n]/);
    return frame.slice('event: '.length, end === -1 ? undefined : end);
  }
  const { name, data } = sseEvent(frame);
  return name === '' ? (/^\s*\{\s*"type"\s*:\s*"([\w.]+)"/.exec(data)?.[1] ?? '') : name;
}

/**
 * Whether the frame has the key with an object behind it; `"usage":null` stands in every chunk of some streams. The key is given without its
 * first quotation mark: a search begins at each place that has the first character, and quotation marks are everywhere.
 */
function mentionsObject(frame: string, key: string): boolean {
  for (let at = frame.indexOf(key); at !== -1; at = frame.indexOf(key, at + key.length)) {
    if (frame.charCodeAt(at - 1) === QUOTE && /^\s*:\s*\{/.test(frame.slice(at + key.length, at + key.length + 16))) return true;
  }
  return false;
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

/** The length of the JSON text behind the first occurrence of the key, given as for `mentionsObject`; escapes count as they are written. */
function lengthAfter(frame: string, marker: string): number {
  let start = frame.indexOf(marker);
  while (start !== -1 && frame.charCodeAt(start - 1) !== QUOTE) start = frame.indexOf(marker, start + marker.length);
  if (start === -1) return 0;
  const from = start + marker.length;
  for (let end = frame.indexOf('"', from); end !== -1; end = frame.indexOf('"', end + 1)) {
    let escapes = 0;
    while (frame.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end - from;
  }
  return frame.length - from;
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
