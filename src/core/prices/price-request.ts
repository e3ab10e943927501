import { KeyholdError } from '../../ports/errors.ts';
import type { PriceBookRecord, SetPrice } from '../../ports/metadata/prices.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type RateTexts, ratesFrom, rateTexts, requestPriceFrom, requestPriceText } from './price-texts.ts';

/** A price as it is put and shown. */
export interface SetPriceTexts extends RateTexts {
  readonly service: string;
  readonly model: string;
  /** Milliseconds since the epoch; left out or null: always. */
  readonly from?: number | null;
  readonly request?: string;
  readonly longContext?: readonly (RateTexts & { readonly above: number })[];
}

const MOST_PRICES = 500;
const MOST_TIERS = 5;
const MODEL = /^[\x21-\x7e]{1,200}$/;
const OTHER_WILDCARDS = /[[\]{}]/;

/** The book that was put. Throws `invalid_argument`, and `not_found` for a service that is not known. */
export function priceBookFrom(prices: readonly SetPriceTexts[], catalog: Catalog): PriceBookRecord {
  if (prices.length > MOST_PRICES) throw refused('prices', `There can be ${MOST_PRICES} prices at most. Use * in the names of models.`);
  const set = prices.map((price) => setPriceFrom(price, catalog));
  const places = set.map(({ service, model, from }) => JSON.stringify([service, model, from]));
  const twice = set.find((_, at) => places.indexOf(places[at] ?? '') !== at);
  if (twice !== undefined) throw refused('prices', `Two prices are given for ${twice.model} of ${twice.service} from the same time on. Leave one of them out.`);
  return { prices: set };
}

function setPriceFrom({ service, model, from, request, longContext, ...rates }: SetPriceTexts, catalog: Catalog): SetPrice {
  if (!MODEL.test(model) || OTHER_WILDCARDS.test(model)) throw refused('model', 'model is a model\'s name as the provider has it: 1 to 200 printable ASCII characters; * and ? are the only wildcards.');
  return {
    service: catalog.get(service).id,
    model: model.toLowerCase(),
    from: from ?? 0,
    ...ratesFrom(rates),
    ...(request === undefined ? {} : { request: requestPriceFrom(request, 'request') }),
    ...(longContext === undefined || longContext.length === 0 ? {} : { longContext: tiersFrom(longContext) }),
  };
}

function tiersFrom(tiers: NonNullable<SetPriceTexts['longContext']>): NonNullable<SetPrice['longContext']> {
  const sorted = tiers.map(({ above, ...rates }) => ({ above, ...ratesFrom(rates) })).toSorted((a, b) => a.above - b.above);
  if (sorted.length > MOST_TIERS || sorted.some(({ above }, at) => above === sorted[at - 1]?.above)) {
    throw refused('longContext', `longContext has ${MOST_TIERS} lengths at most, each once.`);
  }
  return sorted;
}

/** The price as it is shown. */
export function setPriceTexts({ service, model, from, request, longContext, ...rates }: SetPrice): SetPriceTexts {
  return {
    service,
    model,
    from: from === 0 ? null : from,
    ...rateTexts(rates),
    ...(request === undefined ? {} : { request: requestPriceText(request) }),
    ...(longContext === undefined ? {} : { longContext: longContext.map(({ above, ...tier }) => ({ above, ...rateTexts(tier) })) }),
  };
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}
