import { KnownHead } from './known-head.ts';
import { MAX_LENGTH_DIGITS, type PlainHead } from './plain-head.ts';

/** Larger heads are read each time: every open connection remembers one. */
const MAX_BYTES = 2 * 1024;
/** Where so many requests in a row had another head than the one before, none is remembered any more. */
const MAX_MISSES = 4;
const ZERO = 0x30;

export interface KnownPlainHead {
  readonly head: PlainHead;
  readonly known: KnownHead;
}

interface Remembered extends KnownPlainHead {
  /** Up to the digits of the body's length, and from there on; all of it and nothing where none is told. */
  readonly before: Buffer;
  readonly after: Buffer;
}

/**
 * The head of a connection's last request. SDKs send the same one again and again, but for the length of the body: then nothing of it has to be read again. It is
 * compared in constant time, since there is a key in it, and a proxy may lead several callers' requests over one connection.
 */
export class RepeatedHead {
  #last: Remembered | undefined;
  #known: KnownHead | undefined;
  #misses = 0;

  /** What the first `end` bytes are, where they are the last head again. */
  find(bytes: Buffer, end: number): KnownPlainHead | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const { head, before, after } = last;
    const lengthAt = before.length;
    const afterAt = end - after.length;
    if (afterAt < lengthAt || !isSame(bytes, 0, before) || !isSame(bytes, afterAt, after)) return this.#missed();
    if (head.lengthAt === -1) return afterAt === lengthAt ? this.#hit(last) : this.#missed();
    const length = numberIn(bytes, lengthAt, afterAt);
    if (length === undefined) return this.#missed();
    return this.#hit(length === head.length ? last : { head: withLength(head, length), known: last.known });
  }

  /** The request's head, read from the first `end` bytes. Gives what is found out about it from now on. */
  remember(bytes: Buffer, end: number, head: PlainHead): KnownHead {
    const known = new KnownHead(this.#known?.presented);
    this.#known = known;
    // A provider's key is not kept longer than its request (S31).
    const hasProviderKey = head.headers['x-keyhold-api-key'] !== undefined;
    if (end > MAX_BYTES || this.#misses >= MAX_MISSES || hasProviderKey) {
      this.#last = undefined;
      return known;
    }
    const copy = Buffer.from(bytes.subarray(0, end));
    const lengthAt = head.lengthAt === -1 ? end : head.lengthAt;
    const afterAt = head.lengthAt === -1 ? end : lengthAt + (head.headers['content-length'] ?? '').length;
    this.#last = { head, known, before: copy.subarray(0, lengthAt), after: copy.subarray(afterAt) };
    return known;
  }

  #hit(found: KnownPlainHead): KnownPlainHead {
    this.#misses = 0;
    return found;
  }

  #missed(): undefined {
    this.#misses += 1;
    this.#last = undefined;
  }
}

/** Looks at every byte, whatever it has found. For so few bytes node's `timingSafeEqual` takes four times as long, with the objects that it needs. */
function isSame(bytes: Buffer, from: number, expected: Buffer): boolean {
  const { length } = expected;
  let difference = 0;
  for (let at = 0; at < length; at += 1) difference |= (bytes[from + at] ?? 0x100) ^ (expected[at] ?? 0x100);
  return difference === 0;
}

/** A whole number in its only spelling; undefined for everything else. */
function numberIn(bytes: Buffer, from: number, to: number): number | undefined {
  if (to === from || to - from > MAX_LENGTH_DIGITS || (bytes[from] === ZERO && to - from > 1)) return undefined;
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

function withLength(head: PlainHead, length: number): PlainHead {
  const text = String(length);
  const { method, target, rawHeaders, headers, lengthAt } = head;
  return { method, target, rawHeaders: rawHeaders.with(lengthIndex(rawHeaders), text), headers: { ...headers, 'content-length': text }, length, lengthAt };
}

/** Where the value stands in the list. */
function lengthIndex(rawHeaders: readonly string[]): number {
  let at = 0;
  while (at < rawHeaders.length && rawHeaders[at]?.toLowerCase() !== 'content-length') at += 2;
  return at + 1;
}
