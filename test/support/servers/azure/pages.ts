import { badParameter } from './key-vault-error.ts';

/** Where a list was asked for. */
export interface ListRequest {
  readonly url: URL;
  /** Items on a page at most; the service has 25. */
  readonly pageSize: number;
}

export interface Page<Item> {
  readonly value: readonly Item[];
  readonly nextLink: string | null;
}

/** One page, with a link to the next that begins after the last key shown, so that what is deleted meanwhile moves nothing. The items are in the order of their keys. */
export function page<Item>(items: readonly Item[], keyOf: (item: Item) => string, { url, pageSize }: ListRequest): Page<Item> {
  const asked = url.searchParams.get('maxresults');
  if (asked !== null && !/^([1-9]|1\d|2[0-5])$/.test(asked)) throw badParameter('The parameter maxresults must be between 1 and 25.');
  const size = Math.min(pageSize, Number(asked ?? 25));
  const token = url.searchParams.get('$skiptoken');
  const after = token === null ? '' : Buffer.from(token, 'base64url').toString('utf8');
  const rest = items.filter((item) => keyOf(item) > after);
  const value = rest.slice(0, size);
  if (rest.length <= size) return { value, nextLink: null };
  const next = new URL(url);
  next.searchParams.set('$skiptoken', Buffer.from(keyOf(value.at(-1)!)).toString('base64url'));
  next.searchParams.set('maxresults', String(size));
  return { value, nextLink: next.href };
}
