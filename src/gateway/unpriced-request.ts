import { priceOf } from '../core/prices/price-list.ts';
import type { Price } from '../core/prices/price.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { PolicyRecord } from '../ports/metadata/tenants.ts';

/** Names that an error repeats at most, and characters of each. */
const NAMED = 3;
const LONGEST = 100;

/** What a request whose price is not known is billed by, as the tenant's policy says; null: nothing, and it counts as unpriced. Throws `permission_denied` where such requests are refused. */
export function priceByPolicy({ unpricedModels, unpricedPrice }: PolicyRecord, service: string, models: readonly string[]): Price | null {
  if (unpricedModels === 'refuse') throw refused(service, models);
  return unpricedModels === 'allow' || unpricedPrice === undefined ? null : priceOf(unpricedPrice);
}

function refused(service: string, models: readonly string[]): KeyholdError {
  const named = models.slice(0, NAMED).map((model) => JSON.stringify(model.slice(0, LONGEST)));
  return new KeyholdError(
    'permission_denied',
    `What ${named.length === 0 ? 'a request without a model' : named.join(' or ')} costs at ${service} is not known, and this tenant's policy refuses that. GET /api/v1/models lists the models with a price; a platform administrator can set others, and a tenant administrator can change unpricedModels.`,
  );
}
