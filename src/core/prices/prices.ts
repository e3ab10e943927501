import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PriceBookRepository } from '../../ports/metadata/prices.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { platformScope, type Scope, scopeKey, tenantScope } from '../../ports/scope.ts';
import type { Soon } from '../../ports/soon.ts';
import { JoinedKeys } from '../caching/joined-keys.ts';
import { type Loaded, RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import type { Price } from './price.ts';
import { emptyBook, PriceBook } from './price-book.ts';
import type { PriceList } from './price-list.ts';
import type { PriceTable } from './price-table.ts';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;
const PLATFORM = scopeKey(platformScope);

export interface PricesDependencies {
  readonly priceBooks: PriceBookRepository;
  readonly priceList: PriceList;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** What everything costs whom, as every request needs it: what is set at most 10 s old, and read again at once when it changes. */
export class Prices {
  readonly #books: PriceBookRepository;
  readonly #list: PriceList;
  /** By scope. */
  readonly #cache: RecordCache<PriceBook>;
  /** As `scopeKey` has it. */
  readonly #keys = new JoinedKeys((kind, tenant) => `${kind}:${tenant}`);
  readonly #readPlatform = (): Promise<Loaded<PriceBook>> => this.#read(platformScope);

  constructor({ priceBooks, priceList, bus, clock, metrics, sources }: PricesDependencies) {
    this.#books = priceBooks;
    this.#list = priceList;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'prices') this.#cache.invalidate(message.scopeKey, message.version);
    });
  }

  /** The prices that hold for a tenant: its own, else the platform's, else what providers publish. Rejects with `unavailable` when the database cannot answer. */
  tableOf(tenant: string): Soon<PriceTable> {
    const platform = this.#cache.get(PLATFORM, this.#readPlatform);
    return platform instanceof Promise ? platform.then((book) => this.#over(book, tenant)) : this.#over(platform, tenant);
  }

  /** What is set for the platform, or for a tenant. Rejects as `tableOf`. */
  bookOf(scope: Scope): Soon<PriceBook> {
    return this.#cache.get(scopeKey(scope), () => this.#read(scope));
  }

  #over(platform: PriceBook, tenant: string): Soon<PriceTable> {
    const own = this.#cache.get(this.#keys.of('tenant', tenant), () => this.#read(tenantScope(tenant)));
    return own instanceof Promise ? own.then((book) => this.#layered(book, platform)) : this.#layered(own, platform);
  }

  #layered(own: PriceBook, platform: PriceBook): PriceTable {
    return own.isEmpty && platform.isEmpty ? this.#list : new LayeredPrices(own, platform, this.#list);
  }

  async #read(scope: Scope): Promise<Loaded<PriceBook>> {
    const stored = await this.#books.get({ scope });
    return { value: stored === undefined ? emptyBook : new PriceBook(stored.record), version: stored?.revision ?? 0 };
  }
}

class LayeredPrices implements PriceTable {
  readonly #own: PriceBook;
  readonly #platform: PriceBook;
  readonly #list: PriceList;

  constructor(own: PriceBook, platform: PriceBook, list: PriceList) {
    this.#own = own;
    this.#platform = platform;
    this.#list = list;
  }

  find(service: string, model: string, at: number): Price | undefined {
    const name = model.toLowerCase();
    const known = this.#list.model(service, model)?.listed.id.toLowerCase();
    return this.#own.find(service, name, known, at) ?? this.#platform.find(service, name, known, at) ?? this.#list.find(service, model, at);
  }
}
