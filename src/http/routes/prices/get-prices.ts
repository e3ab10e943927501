import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { pricesBody, pricesSchema } from '../../schemas/prices.ts';
import type { PriceOwner } from './owner.ts';

/** What is set in place of what providers publish. */
export function getPrices(owner: PriceOwner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: owner.url,
    summary: `Show the prices that are set for ${owner.whose}`,
    tag: 'Prices',
    statuses: [200],
    schema: { params: owner.params, answer: pricesSchema },
    action: 'prices.read',
    resource: (request) => owner.scope(request),
    async handle(grant, _input, { prices }) {
      const book = await prices.get(grant);
      return { status: 200, body: pricesBody(book), etag: book.etag };
    },
  });
}
