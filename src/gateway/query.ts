import { KeyholdError } from '../ports/errors.ts';

/** Where people put keys, and logs pick them up (S6). */
const KEY_NAMES: ReadonlySet<string> = new Set(['key', 'api_key', 'api-key', 'apikey', 'x-api-key', 'access_token']);

/**
 * The part of a caller's query that goes upstream: the parameters the route lists, re-encoded, with the `?`; empty when none is
 * left. Throws `invalid_argument` for a key in the query, and for escapes that are not UTF-8.
 */
export function upstreamQuery(query: string, allowed: readonly string[]): string {
  if (query === '') return '';
  const kept: string[] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals));
    if (KEY_NAMES.has(name.trim().toLowerCase())) {
      throw new KeyholdError('invalid_argument', `The query carries a key (${name.trim().toLowerCase()}). Keys go into the Authorization header, never into an address.`);
    }
    if (!allowed.includes(name)) continue;
    const value = equals === -1 ? '' : decoded(pair.slice(equals + 1));
    kept.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new KeyholdError('invalid_argument', 'The query has an escape that is not UTF-8 text.');
  }
}
