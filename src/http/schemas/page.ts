import { type TSchema, Type } from 'typebox';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import { nullableText } from './fields.ts';

/** How long a page is when nobody says. */
const DEFAULT_LIMIT = 100;

/** R0.3. In a query everything is text. */
export const pageQuery = {
  limit: Type.Optional(Type.String({ description: 'how many items at most, 1 to 1000; 100 without it.', pattern: '^([1-9][0-9]{0,2}|1000)$' })),
  cursor: Type.Optional(Type.String({ description: 'nextCursor of the page before.', pattern: '^[A-Za-z0-9_-]+$', maxLength: 2000 })),
};

export function pageRequest({ limit, cursor }: { readonly limit?: string; readonly cursor?: string }): PageRequest {
  return { limit: limit === undefined ? DEFAULT_LIMIT : Number(limit), after: cursor };
}

/** A page of a list as it is answered. */
export function pageOf<S extends TSchema>(item: S) {
  return Type.Object({ items: Type.Array(item), nextCursor: nullableText });
}

export function pageBody<T, B>({ items, next }: Page<T>, body: (item: T) => B): { items: B[]; nextCursor: string | null } {
  return { items: items.map((item) => body(item)), nextCursor: next ?? null };
}
