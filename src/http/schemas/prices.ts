import { type Static, Type } from 'typebox';
import type { ModelView } from '../../core/prices/model-list.ts';
import type { SetPriceTexts } from '../../core/prices/price-request.ts';
import type { PriceBookView } from '../../core/prices/price-service.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { optionalInstantText, parseOptionalInstant } from '../rfc3339.ts';
import { closed, etag, instant, nullable, nullableText, serviceId } from './fields.ts';

const rate = Type.String({ description: 'dollars a million tokens, a decimal, for example 2.50.', maxLength: 30, examples: ['2.50'] });
const requestPrice = Type.String({ description: 'dollars a request, a decimal, for example 0.005.', maxLength: 30, examples: ['0.005'] });
const above = Type.Integer({ description: 'a whole number of input tokens; a request with more of them costs this, all of it.', minimum: 1, maximum: 1_000_000_000 });

/** What is left out of the input costs as `input`, of the output as `output`. */
const rates = {
  input: rate,
  cachedInput: Type.Optional(rate),
  cacheWrite: Type.Optional(rate),
  longCacheWrite: Type.Optional(rate),
  audioInput: Type.Optional(rate),
  output: Type.Optional(rate),
  audioOutput: Type.Optional(rate),
};

const setPrice = Type.Object(
  {
    service: serviceId,
    model: Type.String({ description: 'a model\'s name as the service has it, or many by * and ?.', maxLength: 200, examples: ['gpt-4o'] }),
    from: Type.Optional(nullable(instant)),
    ...rates,
    request: Type.Optional(requestPrice),
    longContext: Type.Optional(Type.Array(Type.Object({ above, ...rates }, closed), { maxItems: 5 })),
  },
  closed,
);

export const pricesInput = Type.Object({ prices: Type.Array(setPrice, { maxItems: 500 }) }, closed);

export const pricesSchema = Type.Object({ prices: Type.Array(setPrice), etag });

/** What was put, with its times read. */
export function pricesFrom({ prices }: Static<typeof pricesInput>): readonly SetPriceTexts[] {
  return prices.map(({ from, ...price }) => ({ ...price, from: parseOptionalInstant(from, 'from') ?? null }));
}

export function pricesBody({ prices, etag }: PriceBookView): Static<typeof pricesSchema> {
  return { prices: prices.map(({ from = null, longContext, ...price }) => ({ ...price, from: optionalInstantText(from), ...(longContext === undefined ? {} : { longContext: [...longContext] }) })), etag: entityTag(etag) };
}

const allRates = { input: rate, cachedInput: rate, cacheWrite: rate, longCacheWrite: rate, audioInput: rate, output: rate, audioOutput: rate };

export const modelSchema = Type.Object({
  service: serviceId,
  model: Type.String(),
  name: nullableText,
  contextWindow: nullable(Type.Integer()),
  source: Type.Enum(['provider', 'platform', 'tenant']),
  currency: Type.Enum(['USD']),
  rates: Type.Object(allRates),
  request: requestPrice,
  longContext: Type.Array(Type.Object({ above, ...allRates })),
});

export function modelBody(view: ModelView): Static<typeof modelSchema> {
  return { ...view, longContext: [...view.longContext] };
}
