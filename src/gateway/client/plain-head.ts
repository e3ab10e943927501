import { Spellings } from '../spellings.ts';
import type { ClientHeaders } from './client.ts';

/** The head of a request that leaves no question open. */
export interface PlainHead {
  readonly method: 'GET' | 'POST';
  readonly target: string;
  /** Name, value, name, value … as they came; values without the white space around them. */
  readonly rawHeaders: readonly string[];
  readonly headers: ClientHeaders;
  /** Of the body, in bytes. */
  readonly length: number;
  /** Where in the head its digits begin; -1: it is told nowhere. */
  readonly lengthAt: number;
}

/**
 * One request line and header lines, each ended by CR LF: tokens as names, no white space before the colon, no folded line, no control
 * character but the tab in a value (RFC 9112, sections 2.2, 3 and 5). The text is latin1, one character a byte.
 */
const SHAPE = /^(?:GET|POST) \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)+$/;

/** What a header's name means for reading a head. `question`: a head with it is not plain. `once`: and neither is one that has it twice. */
type Meaning = 'question' | 'once' | 'any';

interface Name {
  readonly meaning: Meaning;
  /** Of one that may stand once: where `ONCE` has it. */
  readonly place: number;
}

const QUESTIONS: ReadonlySet<string> = new Set(['transfer-encoding', 'expect', 'upgrade', 'trailer', 'http2-settings', 'proxy-connection', 'keep-alive']);
/** In the order in which `read` takes them out. */
const ONCE = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'sec-fetch-mode',
  'x-keyhold-api-key',
  'x-keyhold-provider',
  'x-request-id',
] as const;

const LENGTH = ONCE.indexOf('content-length');

/** Requests with more header lines are refused: no client sends as many, and each of them costs. */
export const MAX_HEADER_LINES = 250;
export const MAX_LENGTH_DIGITS = 8;

/** Reads heads, and remembers what it found out about header names. */
export class PlainHeads {
  readonly #names = new Spellings<Name>();

  /**
   * Reads a head: latin1 text from the request line to the CR LF of the last header line. undefined for everything that is not as plain as
   * can be: another method or version, a transfer coding, `Expect`, `Upgrade`, no `Host` or two, a `Connection` other than keep-alive, a length
   * that is missing, doubled or odd, more lines than any client needs, a header that Keyhold reads given twice, anything that two readers could take differently. Those are for a
   * complete parser.
   */
  read(text: string): PlainHead | undefined {
    if (!SHAPE.test(text)) return undefined;
    const method = text.charCodeAt(0) === 0x47 ? 'GET' : 'POST';
    const firstLine = text.indexOf('\r\n');
    const target = text.slice(method.length + 1, firstLine - ' HTTP/1.1'.length);
    const rawHeaders: string[] = [];
    const once: (string | undefined)[] = [];
    let lengthAt = -1;
    for (let at = firstLine + 2; at < text.length; ) {
      const colon = text.indexOf(':', at);
      const end = text.indexOf('\r\n', colon);
      const { spelling, value: name } = this.#names.find(text, at, colon) ?? this.#names.remember(text.slice(at, colon), nameOf(text.slice(at, colon)));
      const { meaning, place } = name;
      const value = trimmed(text, colon + 1, end);
      if (meaning === 'question') return undefined;
      if (meaning === 'once') {
        if (once[place] !== undefined) return undefined;
        once[place] = value;
        if (place === LENGTH) lengthAt = text.indexOf(value, colon + 1);
      }
      if (rawHeaders.push(spelling, value) > 2 * MAX_HEADER_LINES) return undefined;
      at = end + 2;
    }
    const [connection, encoding, given, type, host, mode, apiKey, provider, requestId] = once;
    if (host === undefined || host === '' || (connection !== undefined && connection.toLowerCase() !== 'keep-alive')) return undefined;
    const length = lengthOf(method, given);
    if (length === undefined) return undefined;
    // All of one shape, whatever was sent: whoever reads them finds each at its place.
    const headers = {
      'content-encoding': encoding,
      'content-length': given,
      'content-type': type,
      'sec-fetch-mode': mode,
      'x-keyhold-api-key': apiKey,
      'x-keyhold-provider': provider,
      'x-request-id': requestId,
    };
    return { method, target, rawHeaders, headers, length, lengthAt };
  }
}

function nameOf(spelling: string): Name {
  const name = spelling.toLowerCase();
  const place = ONCE.findIndex((one) => one === name);
  return { meaning: QUESTIONS.has(name) ? 'question' : place === -1 ? 'any' : 'once', place };
}

/** A GET has no body and says nothing of one; a POST says how long its is. */
function lengthOf(method: 'GET' | 'POST', given: string | undefined): number | undefined {
  if (method === 'GET') return given === undefined ? 0 : undefined;
  if (given === undefined || given.length > MAX_LENGTH_DIGITS || !/^(?:0|[1-9]\d*)$/.test(given)) return undefined;
  return Number(given);
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
