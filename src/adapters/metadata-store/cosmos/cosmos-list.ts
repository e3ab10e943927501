import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { pageFrom, pageStart, type Place } from '../paging.ts';
import { requireStorable } from '../stored-text.ts';
import type { SqlParameter } from './cosmos-container.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { type KeptItem, unreadable } from './item.ts';
import { after, orderedText } from './ordered-text.ts';

export interface CosmosListOptions {
  readonly name: string;
  readonly kind: string;
  /** The property that holds the order as a text: `sort`, unless it is another order than the key's. */
  readonly property?: 'sort' | 'due';
  readonly shape: readonly ('string' | 'number')[];
  /** Where an item stands: what its order was made of, after the kind. */
  readonly placeOf: (item: KeptItem) => Place;
  /** Further conditions over `c`, each with parameters that the caller gives. */
  readonly where?: readonly string[];
  readonly newestFirst?: boolean;
}

/** What of a list is asked for. */
export interface Asked {
  /** The partition that holds it; undefined: it may be in all. */
  readonly pk?: string | undefined;
  readonly given?: Readonly<Record<string, string | number>>;
  /** Only what stands from here on, to there: places, or beginnings of such. */
  readonly from?: Place;
  readonly to?: Place;
}

/** A list in the order of one text of its items, as pages or whole: a page begins after the place that its cursor names, so that nothing shifts it. */
export class CosmosList {
  readonly #items: CosmosItems;
  readonly #options: CosmosListOptions;

  constructor(items: CosmosItems, options: CosmosListOptions) {
    this.#items = items;
    this.#options = options;
  }

  async page(asked: Asked, page: PageRequest): Promise<Page<KeptItem>> {
    const { name, kind, shape, placeOf } = this.#options;
    const start = pageStart(name, shape, page);
    return pageFrom(name, await this.#beyond(asked, start === undefined ? undefined : orderedText([kind, ...start]), page.limit + 1), page.limit, placeOf);
  }

  /** Everything, fetched in pieces so that a long list neither makes one huge answer nor holds others up. */
  async all(asked: Asked): Promise<readonly KeptItem[]> {
    const PIECE = 500;
    const items: KeptItem[] = [];
    let piece = await this.#beyond(asked, undefined, PIECE);
    items.push(...piece);
    const orderOf = (item: KeptItem): string => item.order[this.#options.property ?? 'sort'];
    for (let last = piece.at(-1); piece.length === PIECE && last !== undefined; last = piece.at(-1)) {
      piece = await this.#beyond(asked, orderOf(last), PIECE);
      items.push(...piece);
    }
    return items;
  }

  #beyond({ pk, given = {}, from = [], to = [] }: Asked, start: string | undefined, limit: number): Promise<readonly KeptItem[]> {
    const { kind, property = 'sort', where = [], newestFirst = false } = this.#options;
    requireStorable(Object.values(given));
    let [low, high] = [orderedText([kind, ...from]), after([kind, ...to])];
    if (start !== undefined && newestFirst) high = start;
    if (start !== undefined && !newestFirst) low = start;
    const parameters: SqlParameter[] = [{ name: '@low', value: low }, { name: '@high', value: high }];
    for (const [name, value] of Object.entries(given)) parameters.push({ name: `@${name}`, value });
    const conditions = [`c.${property} > @low`, `c.${property} < @high`, ...where];
    if (pk !== undefined) {
      conditions.unshift('c.pk = @pk');
      parameters.push({ name: '@pk', value: pk });
    }
    return this.#items.query(`SELECT TOP ${limit} * FROM c WHERE ${conditions.join(' AND ')} ORDER BY c.${property} ${newestFirst ? 'DESC' : 'ASC'}`, parameters, pk);
  }
}

/** The parts of an item's key. */
export function partsOf(item: KeptItem): Place {
  const parts: unknown = JSON.parse(item.key);
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string' || typeof part === 'number')) throw unreadable('its key has no parts');
  return parts;
}
