import type { TokenRates } from '../../ports/metadata/prices.ts';
import type { Price, Rates } from './price.ts';
import type { PriceTable } from './price-table.ts';

/** What a model costs from a date on, and at a time of the day, as `catalog/prices.json` has it. */
export interface ListedPrice extends TokenRates {
  /** `YYYY-MM-DD`, from midnight UTC. */
  readonly from?: string;
  /** Seconds of a UTC day: the first that counts, and the first that does not any more. May go over midnight. */
  readonly between?: readonly number[];
  /** Nano-dollars. */
  readonly request?: number | undefined;
  readonly longContext?: readonly (TokenRates & { readonly above: number })[] | undefined;
}

/** All of what is given must hold of a name in lower case. */
export interface NameRule {
  readonly startsWith?: string;
  readonly endsWith?: string;
  readonly contains?: string;
  /** A regular expression's source. */
  readonly matches?: string;
}

export interface ListedModel {
  readonly id: string;
  readonly name?: string;
  /** Tokens. */
  readonly contextWindow?: number;
  /** Names that it has, in lower case. */
  readonly is?: readonly string[];
  /** Or one of these holds. */
  readonly like?: readonly NameRule[];
  /** The last one whose conditions hold counts; if none does, the first. Empty: not known. */
  readonly prices: readonly ListedPrice[];
}

interface ListedService {
  /** May stand before a model's name. */
  readonly prefixes?: readonly string[];
  /** Services whose models this one sells, too, at their price where it has none of its own. */
  readonly alsoOf?: readonly string[];
  readonly models: readonly ListedModel[];
}

/** Where the prices come from, and those of each service by its id. */
export interface PriceData {
  readonly source: string;
  readonly services: Readonly<Record<string, ListedService>>;
}

/** A model's price over time, ready to be calculated with. */
export interface PricedModel {
  readonly listed: ListedModel;
  readonly periods: readonly Period[];
}

interface Period {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly between: readonly [number, number] | undefined;
  readonly price: Price;
}

interface IndexedService {
  readonly service: ListedService;
  readonly models: readonly PricedModel[];
  readonly exact: ReadonlyMap<string, number>;
  readonly rules: readonly { readonly at: number; readonly holds: (name: string) => boolean }[];
  /** What was looked up before; callers choose the names, so it is emptied when it is full. */
  readonly found: Map<string, PricedModel | undefined>;
}

type Names = Pick<IndexedService, 'models' | 'exact' | 'rules'>;

const LONGEST_NAME = 200;
const REMEMBERED_NAMES = 2_000;
const DAY_SECONDS = 86_400;

/** The prices that providers publish. Read and indexed when they are first asked for, so that starting does not wait for it. */
export class PriceList implements PriceTable {
  readonly #read: () => PriceData;
  readonly #services = new Map<string, IndexedService>();
  #data: PriceData | undefined;

  /** `read` is called once, when the first price is asked for. */
  constructor(read: () => PriceData) {
    this.#read = read;
  }

  find(service: string, model: string, at: number): Price | undefined {
    const found = this.model(service, model);
    return found === undefined ? undefined : priceAt(found, at);
  }

  /** The model that a name of a service stands for. */
  model(service: string, name: string): PricedModel | undefined {
    if (name.length > LONGEST_NAME) return undefined;
    const index = this.#index(service);
    if (index === undefined) return undefined;
    const known = index.found.get(name);
    if (known !== undefined || index.found.has(name)) return known;
    const found = this.#lookUp(index, name.toLowerCase());
    if (index.found.size >= REMEMBERED_NAMES) index.found.clear();
    index.found.set(name, found);
    return found;
  }

  /** The service's own models, in the list's order. */
  models(service: string): readonly PricedModel[] {
    return this.#index(service)?.models ?? [];
  }

  #lookUp({ service: { prefixes = [], alsoOf = [] }, ...index }: IndexedService, name: string): PricedModel | undefined {
    const prefix = prefixes.find((candidate) => name.startsWith(candidate)) ?? '';
    const bare = name.slice(prefix.length);
    return matching(index, bare) ?? alsoOf.map((other) => this.model(other, bare)).find((found) => found !== undefined);
  }

  #index(id: string): IndexedService | undefined {
    const known = this.#services.get(id);
    if (known !== undefined) return known;
    this.#data ??= this.#read();
    const service = Object.hasOwn(this.#data.services, id) ? this.#data.services[id] : undefined;
    if (service === undefined) return undefined;
    const index = indexed(service);
    this.#services.set(id, index);
    return index;
  }
}

/** What the model costs at a time, milliseconds since the epoch. */
export function priceAt({ periods }: PricedModel, at: number): Price | undefined {
  if (periods.length > 1) {
    const second = Math.floor(at / 1000) % DAY_SECONDS;
    for (let i = periods.length - 1; i > 0; i -= 1) {
      const period = periods[i];
      if (period !== undefined && at >= period.from && isWithin(second, period.between)) return period.price;
    }
  }
  return periods[0]?.price;
}

function isWithin(second: number, between: readonly [number, number] | undefined): boolean {
  if (between === undefined) return true;
  const [first, end] = between;
  return first <= end ? second >= first && second < end : second >= first || second < end;
}

/** As the provider names it; the same with its date written `-2025-01-31`; and a dated or newest version of a model that is known by its plain name. */
function matching(index: Names, name: string): PricedModel | undefined {
  const direct = firstMatch(index, name);
  if (direct !== undefined) return direct;
  const dated = name.replaceAll(/-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, '-$1-$2-$3');
  const byDate = dated === name ? undefined : firstMatch(index, dated);
  if (byDate !== undefined) return byDate;
  const plain = dated.replace(/-(?:latest|20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))$/, '');
  const at = plain === dated ? undefined : index.exact.get(plain);
  return at === undefined ? undefined : index.models[at];
}

function firstMatch({ models, exact, rules }: Names, name: string): PricedModel | undefined {
  const at = exact.get(name) ?? Number.POSITIVE_INFINITY;
  for (const rule of rules) {
    if (rule.at >= at) break;
    if (rule.holds(name)) return models[rule.at];
  }
  return models[at];
}

function indexed(service: ListedService): IndexedService {
  const listed = service.models;
  const exact = new Map<string, number>();
  for (const [at, { is = [] }] of listed.entries()) for (const name of is) if (!exact.has(name)) exact.set(name, at);
  return {
    service,
    models: listed.map((model) => ({ listed: model, periods: model.prices.map(periodOf) })),
    exact,
    rules: listed.flatMap(({ like = [] }, at) => like.map((rule) => ({ at, holds: ruleHolds(rule) }))),
    found: new Map(),
  };
}

function ruleHolds({ startsWith = '', endsWith = '', contains = '', matches }: NameRule): (name: string) => boolean {
  const expression = matches === undefined ? undefined : new RegExp(matches, 'u');
  return (name) => name.startsWith(startsWith) && name.endsWith(endsWith) && name.includes(contains) && (expression === undefined || expression.test(name));
}

function periodOf(listed: ListedPrice): Period {
  const [first, end] = listed.between ?? [];
  return {
    from: listed.from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(`${listed.from}T00:00:00Z`),
    between: first === undefined || end === undefined ? undefined : [first, end],
    price: priceOf(listed),
  };
}

/** A price as it is written down, ready to be calculated with. */
export function priceOf({ request = 0, longContext = [], ...base }: TokenRates & Pick<ListedPrice, 'request' | 'longContext'>): Price {
  return { rates: ratesOf(base), request, longContext: longContext.map(({ above, ...tier }) => ({ above, rates: ratesOf(tier) })) };
}

function ratesOf({ input, cachedInput = input, cacheWrite = input, longCacheWrite = cacheWrite, audioInput = input, output = 0, audioOutput = output }: TokenRates): Rates {
  return { input, cachedInput, cacheWrite, longCacheWrite, audioInput, output, audioOutput };
}
