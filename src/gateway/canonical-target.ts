import { KeyholdError } from '../ports/errors.ts';

/** A request target in the one spelling that is authorised, metered and sent (S6). */
export interface CanonicalTarget {
  /** Begins with `/`; every segment has a character, none is `.` or `..`. */
  readonly path: string;
  /** Without the `?`; empty when there is none. */
  readonly query: string;
  /** Some segment contains `%2F`, which only a route that says so may accept. */
  readonly encodedSlash: boolean;
}

/** Segments of plain characters and percent escapes; neither `;` nor `\` nor anything outside ASCII. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))(?:[\w\-.~!$&'()*+,=:@]|%[0-9A-Fa-f]{2})+)+\/?$/;
const QUERY = /^[\x21\x22\x24-\x7e]*$/;
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const MAX_TARGET = 4_096;

/** Escapes that would let one path mean two: `.`, `%`, `;` and `\`. */
const AMBIGUOUS: ReadonlySet<number> = new Set([0x2e, 0x25, 0x3b, 0x5c]);

/** Throws `invalid_argument` for every target that two readers could understand differently (S6). */
export function canonicalTarget(target: string): CanonicalTarget {
  if (target.length > MAX_TARGET) throw refused(`is longer than ${MAX_TARGET} characters`);
  if (!target.startsWith('/')) throw refused('must begin with a slash; send the path alone, without a host');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  if (!PATH.test(path)) {
    throw refused('must not contain empty, "." or ".." segments, backslashes, semicolons, "#", control characters or characters outside ASCII');
  }
  if (!QUERY.test(query)) throw refused('has a query with "#", control characters or characters outside ASCII');
  return { path, query, encodedSlash: path.includes('%') && hasEncodedSlash(path) };
}

function hasEncodedSlash(path: string): boolean {
  let slash = false;
  for (const [, digits] of path.matchAll(ESCAPE)) {
    const code = Number.parseInt(digits ?? '', 16);
    if (code < 0x20 || code === 0x7f || AMBIGUOUS.has(code)) throw refused('must not contain an encoded dot, percent sign, semicolon, backslash or control character');
    slash ||= code === 0x2f;
  }
  return slash;
}

function refused(what: string): KeyholdError {
  return new KeyholdError('invalid_argument', `The request's path ${what}.`);
}
