import { KeyholdError } from '../../ports/errors.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';

/** Most items a page may hold (`PageRequest.limit`). */
const MAX_LIMIT = 1000;

/** What an item is ordered by: where it stands in its list. */
export type Place = readonly (string | number)[];

/**
 * Where a page begins: the place of the last item of the page before, or undefined at the beginning of the list. A cursor is
 * base64url of the list's name and that place; the API seals it before a caller gets it. Throws `invalid_argument` for a limit outside 1 to 1000,
 * and for a cursor that is not of this list (`shape` gives the types of its places).
 */
export function pageStart(list: string, shape: readonly ('string' | 'number')[], page: PageRequest): Place | undefined {
  if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > MAX_LIMIT) {
    throw new KeyholdError('invalid_argument', `limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  if (page.after === undefined) return undefined;
  const place = decode(list, page.after);
  if (place === undefined || place.length !== shape.length || !place.every((part, index) => typeof part === shape[index])) {
    throw new KeyholdError('invalid_argument', 'The cursor is not one of this list. Use nextCursor of the page before as it was given, or none to begin at the start.');
  }
  return place;
}

/** The page of a list from one item more than fits on it, by which the end of the list is recognised. */
export function pageFrom<T>(list: string, found: readonly T[], limit: number, placeOf: (item: T) => Place): Page<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const next = found.length > limit && last !== undefined ? encode(list, placeOf(last)) : undefined;
  return { items, next };
}

function encode(list: string, place: Place): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString('base64url');
}

function decode(list: string, cursor: string): Place | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts[0] !== list) return undefined;
  const place: readonly unknown[] = parts.slice(1);
  return place.every(isPart) ? place : undefined;
}

function isPart(part: unknown): part is string | number {
  return typeof part === 'number' || (typeof part === 'string' && part.isWellFormed() && !part.includes('\0'));
}
