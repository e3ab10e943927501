import { Spellings } from '../spellings.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** How an answer's end is told (RFC 9112, section 6.3). */
type Framing = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunks' } | { readonly kind: 'until-close' };

export interface AnswerHead {
  readonly status: number;
  /** Name in lower case, value, name, value … */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** The connection may carry another request afterwards: for so many milliseconds, where the upstream said so. */
  readonly keep: boolean;
  readonly keepMs: number | undefined;
}

/** RFC 9112, section 4, and a field line as in section 5: no folding, no white space before the colon, no control characters. */
const SHAPE = /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const STATUS_AT = 'HTTP/1.1 '.length;
const NO_BODY: ReadonlySet<number> = new Set([204, 304]);

/** Reads the heads of one upstream's answers, and remembers how its header names are spelled. */
export class AnswerHeads {
  /** In lower case, by their spelling. */
  readonly #names = new Spellings<string>();

  /**
   * Reads a head: latin1 text from the status line to the CR LF of the last field line. Throws UpstreamFailure `bad_answer` for what is not one,
   * and for one that leaves open where its body ends (RFC 9112, section 6.3: lengths that differ, or a length beside a coding).
   */
  read(text: string): AnswerHead {
    if (!SHAPE.test(text)) throw bad('no HTTP/1.1 head');
    const status = Number(text.slice(STATUS_AT, STATUS_AT + 3));
    const headers: string[] = [];
    let length: string | undefined;
    let coding: string | undefined;
    let connection = '';
    let keepAlive = '';
    for (let at = text.indexOf('\r\n') + 2; at < text.length; ) {
      const colon = text.indexOf(':', at);
      const end = text.indexOf('\r\n', colon);
      const { value: name } = this.#names.find(text, at, colon) ?? this.#names.remember(text.slice(at, colon), lowerCase(text.slice(at, colon)));
      const value = text.slice(colon + 1, end).trim();
      if (name === 'content-length') {
        if (length !== undefined && length !== value) throw bad('two lengths');
        length = value;
      } else if (name === 'transfer-encoding') coding = coding === undefined ? value : `${coding},${value}`;
      else if (name === 'connection') connection = `${connection},${value.toLowerCase()}`;
      else if (name === 'keep-alive') keepAlive = value;
      headers.push(name, value);
      at = end + 2;
    }
    const framing = framingOf(status, length, coding);
    const isOld = text.startsWith('HTTP/1.0');
    return {
      status,
      headers,
      framing,
      keep: framing.kind !== 'until-close' && !isOld && !connection.includes('close'),
      keepMs: keepMsOf(keepAlive),
    };
  }
}

/** A copy: a piece of a text keeps the whole text alive. */
function lowerCase(spelling: string): string {
  return Buffer.from(spelling.toLowerCase(), 'latin1').toString('latin1');
}

function framingOf(status: number, length: string | undefined, coding: string | undefined): Framing {
  if (coding !== undefined && length !== undefined) throw bad('a length and a coding');
  if (NO_BODY.has(status) || status < 200) return { kind: 'length', bytes: 0 };
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw bad('a coding that was not asked for');
    return { kind: 'chunks' };
  }
  if (length === undefined) return { kind: 'until-close' };
  if (!/^\d{1,15}$/.test(length)) throw bad('a length that is none');
  return { kind: 'length', bytes: Number(length) };
}

function keepMsOf(keepAlive: string): number | undefined {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

function bad(what: string): UpstreamFailure {
  return new UpstreamFailure('bad_answer', `The upstream's answer has ${what}.`);
}
