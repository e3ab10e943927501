import type { Bus } from '../../ports/bus.ts';
import type { PriceBookRecord, PriceBookRepository } from '../../ports/metadata/prices.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { scopeKey } from '../../ports/scope.ts';
import type { Grant } from '../access/grant.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import { putRecord } from '../versions/put-record.ts';
import { priceBookFrom, type SetPriceTexts, setPriceTexts } from './price-request.ts';

export interface PriceServiceDependencies {
  readonly priceBooks: PriceBookRepository;
  readonly catalog: Catalog;
  readonly bus: Bus;
}

export interface PriceBookView {
  readonly prices: readonly SetPriceTexts[];
  readonly etag: string;
}

/** The prices that are set for the platform, and for tenants, in place of what providers publish (R5.3). */
export class PriceService {
  readonly #books: PriceBookRepository;
  readonly #catalog: Catalog;
  readonly #bus: Bus;

  constructor({ priceBooks, catalog, bus }: PriceServiceDependencies) {
    this.#books = priceBooks;
    this.#catalog = catalog;
    this.#bus = bus;
  }

  /** What is set; nothing, with the ETag 0, where nothing ever was. */
  async get(grant: Grant): Promise<PriceBookView> {
    const { scope } = grant.use('prices.read');
    return view(await this.#books.get({ scope }));
  }

  /**
   * Replaces what is set as a whole; what has been billed stays as it is. Throws `invalid_argument`, `not_found` for an unknown service,
   * `precondition_failed` when `ifMatch` names another version.
   */
  async put(grant: Grant, prices: readonly SetPriceTexts[], ifMatch?: IfMatch): Promise<PriceBookView> {
    const { scope } = grant.use('prices.put');
    const book = priceBookFrom(prices, this.#catalog);
    return view(await putRecord(this.#books, { scope }, book, { ifMatch, announce: (version) => this.#bus.publish({ topic: 'prices', scopeKey: scopeKey(scope), version }) }));
  }
}

function view(stored: Stored<PriceBookRecord> | undefined): PriceBookView {
  return { prices: (stored?.record.prices ?? []).map(setPriceTexts), etag: etagOf(stored?.revision ?? 0) };
}
