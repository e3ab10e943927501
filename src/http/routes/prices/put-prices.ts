import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { pricesBody, pricesFrom, pricesInput, pricesSchema } from '../../schemas/prices.ts';
import type { PriceOwner } from './owner.ts';

/** Replaces them as a whole; what has been billed stays as it is. */
export function putPrices(owner: PriceOwner): GuardedRoute {
  return guardedRoute({
    method: 'PUT',
    url: owner.url,
    summary: `Set prices for ${owner.whose}, in place of all that were set`,
    tag: 'Prices',
    statuses: [200],
    schema: { params: owner.params, body: pricesInput, answer: pricesSchema },
    conditional: true,
    action: 'prices.put',
    resource: (request) => owner.scope(request),
    async handle(grant, { body, ifMatch }, { prices }) {
      const book = await prices.put(grant, pricesFrom(body), ifMatch);
      return { status: 200, body: pricesBody(book), etag: book.etag };
    },
  });
}
