import type { Clock } from '../../ports/clock.ts';
import type { SetPrice } from '../../ports/metadata/prices.ts';
import type { Page } from '../../ports/metadata/stored.ts';
import { platformScope } from '../../ports/scope.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Grant } from '../access/grant.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Price, Rates } from './price.ts';
import { emptyBook, isGlob, type PriceBook } from './price-book.ts';
import { priceAt, type PriceList } from './price-list.ts';
import { requestPriceText, rateText } from './price-texts.ts';
import type { Prices } from './prices.ts';

/** Dollars a million tokens. */
type ShownRates = { readonly [R in keyof Rates]: string };

/** A model and what it costs now. */
export interface ModelView {
  readonly service: string;
  /** As the service names it; a glob where a price is set for all that it fits. */
  readonly model: string;
  readonly name: string | null;
  /** Tokens. */
  readonly contextWindow: number | null;
  /** Who says so: `provider`, `platform` or `tenant`. */
  readonly source: 'provider' | 'platform' | 'tenant';
  readonly currency: 'USD';
  readonly rates: ShownRates;
  /** Dollars a request. */
  readonly request: string;
  readonly longContext: readonly (ShownRates & { readonly above: number })[];
}

export interface ModelSearch {
  readonly service?: string | undefined;
  /** A part of a model's name, in any case. */
  readonly search?: string | undefined;
  readonly limit: number;
  readonly after?: string | undefined;
}

export interface ModelListDependencies {
  readonly priceList: PriceList;
  readonly prices: Pick<Prices, 'bookOf'>;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/** The models whose price is known (R0.2), by the prices of whoever asks. */
export class ModelList {
  readonly #list: PriceList;
  readonly #prices: Pick<Prices, 'bookOf'>;
  readonly #catalog: Catalog;
  readonly #clock: Clock;

  constructor({ priceList, prices, catalog, clock }: ModelListDependencies) {
    this.#list = priceList;
    this.#prices = prices;
    this.#catalog = catalog;
    this.#clock = clock;
  }

  /** A page of them, by service in the catalogue's order and by name. Throws `not_found` for an unknown service, `unavailable` when what is set cannot be read. */
  async list(grant: Grant, { service, search = '', limit, after }: ModelSearch): Promise<Page<ModelView>> {
    const { scope } = grant.use('signed-in.read');
    const services = service === undefined ? this.#catalog.list().map(({ id }) => id) : [this.#catalog.get(service).id];
    const books = { platform: await this.#prices.bookOf(platformScope), own: scope.kind === 'platform' ? emptyBook : await this.#prices.bookOf(scope) };
    const wanted = search.toLowerCase();
    const found = services.flatMap((id) => this.#modelsOf(id, books)).filter(({ model, name }) => model.toLowerCase().includes(wanted) || name?.toLowerCase().includes(wanted) === true);
    const start = after === undefined ? 0 : placeAfter(found, after);
    const items = found.slice(start, start + limit);
    const last = items.at(-1);
    return { items, next: start + limit < found.length && last !== undefined ? placeOf(last) : undefined };
  }

  #modelsOf(service: string, { platform, own }: { readonly platform: PriceBook; readonly own: PriceBook }): readonly ModelView[] {
    const now = this.#clock.now();
    const views = new Map<string, ModelView>();
    const add = (model: string, shown: Pick<ModelView, 'name' | 'contextWindow'>, published: Price | undefined): void => {
      const name = model.toLowerCase();
      const priced = [['tenant', own.find(service, name, name, now)], ['platform', platform.find(service, name, name, now)], ['provider', published]] as const;
      for (const [source, price] of priced) {
        if (price === undefined || views.has(name)) continue;
        views.set(name, { service, model, ...shown, source, ...priceView(price) });
      }
    };
    for (const priced of this.#list.models(service)) {
      const { id, name = null, contextWindow = null } = priced.listed;
      add(id, { name, contextWindow }, priceAt(priced, now));
    }
    for (const { model } of [...own.prices, ...platform.prices].filter((price) => price.service === service)) {
      const listed = isGlob(model) ? undefined : this.#list.model(service, model)?.listed;
      if (!views.has(model)) add(model, { name: listed?.name ?? null, contextWindow: listed?.contextWindow ?? null }, undefined);
    }
    return [...views.values()].toSorted((a, b) => (a.model < b.model ? -1 : 1));
  }
}

function priceView({ rates, request, longContext }: Price): Pick<ModelView, 'currency' | 'rates' | 'request' | 'longContext'> {
  return { currency: 'USD', rates: shownRates(rates), request: requestPriceText(request), longContext: longContext.map(({ above, rates: tier }) => ({ above, ...shownRates(tier) })) };
}

function shownRates({ input, cachedInput, cacheWrite, longCacheWrite, audioInput, output, audioOutput }: Rates): ShownRates {
  return {
    input: rateText(input),
    cachedInput: rateText(cachedInput),
    cacheWrite: rateText(cacheWrite),
    longCacheWrite: rateText(longCacheWrite),
    audioInput: rateText(audioInput),
    output: rateText(output),
    audioOutput: rateText(audioOutput),
  };
}

function placeOf({ service, model }: Pick<SetPrice, 'service' | 'model'>): string {
  return Buffer.from(JSON.stringify([service, model])).toString('base64url');
}

/** Throws `invalid_argument` for a place that is in no list any more, or never was. */
function placeAfter(found: readonly ModelView[], after: string): number {
  const at = found.findIndex((model) => placeOf(model) === after);
  if (at === -1) throw new KeyholdError('invalid_argument', 'The cursor is not of this list. Begin again without one.', { details: { property: 'cursor' } });
  return at + 1;
}
