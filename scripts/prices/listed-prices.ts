import { findProvider } from '@pydantic/genai-prices';
import type { ListedModel, ListedPrice, NameRule, PriceData } from '../../src/core/prices/price-list.ts';
import { picoDollars } from './pico-dollars.ts';

type Provider = NonNullable<ReturnType<typeof findProvider>>;
type Model = Provider['models'][number];
type Match = Model['match'];
type Conditional = Exclude<Model['prices'], Readonly<Record<string, unknown>>>[number];
type Prices = Conditional['prices'];

/** Where each service of the catalogue is found in the package. Hugging Face sells for others, who are named after the model. */
export const providers: Readonly<Record<string, string>> = {
  openai: 'openai',
  'azure-openai': 'azure',
  anthropic: 'anthropic',
  openrouter: 'openrouter',
  'google-gemini': 'google',
  cohere: 'cohere',
  mistral: 'mistral',
  groq: 'groq',
  deepseek: 'deepseek',
  xai: 'x-ai',
  together: 'together',
  fireworks: 'fireworks',
  perplexity: 'perplexity',
};
/** Without prices in the package, and free: https://platform.openai.com/docs/guides/moderation */
const free = new Set(['openai/moderation']);
const soldByHuggingFace = ['cerebras', 'fireworks-ai', 'groq', 'hyperbolic', 'nebius', 'novita', 'nscale', 'ovhcloud', 'publicai', 'sambanova', 'together'];

/** https://ai.google.dev/gemini-api/docs/openai: its list of models has the prefix. */
const prefixes: Readonly<Record<string, readonly string[]>> = { 'google-gemini': ['models/'] };
const alsoOf: Readonly<Record<string, readonly string[]>> = { 'azure-openai': ['openai', 'anthropic', 'deepseek', 'xai'] };

/** What is read from usage, and can be billed. Searches are billed by the call, which no usage tells; the text of such a request is. */
const rateKeys = {
  input: 'input_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  longCacheWrite: 'cache_write_1h_mtok',
  audioInput: 'input_audio_mtok',
  output: 'output_mtok',
  audioOutput: 'output_audio_mtok',
} as const;
const unreadKeys = new Set(['web_searches_kcount', 'storage_searches_kcount', 'cache_audio_read_mtok']);
const REQUESTS = 'requests_kcount';
const billable = new Set<string>([...Object.values(rateKeys), ...unreadKeys, REQUESTS]);

/** The package's prices of the catalogue's services as the catalogue keeps them. Models that are billed by what no usage tells have no price. */
export function listedPrices(version: string): PriceData {
  const services = Object.entries(providers).map(([service, id]) => [
    service,
    { ...(prefixes[service] === undefined ? {} : { prefixes: prefixes[service] }), ...(alsoOf[service] === undefined ? {} : { alsoOf: alsoOf[service] }), models: modelsOf(id, '') },
  ]);
  const huggingFace = soldByHuggingFace.flatMap((seller) => modelsOf(`huggingface_${seller}`, `:${seller}`));
  return { source: `@pydantic/genai-prices ${version}`, services: { ...Object.fromEntries(services), huggingface: { models: huggingFace } } };
}

function modelsOf(provider: string, suffix: string): readonly ListedModel[] {
  const found = findProvider({ providerId: provider });
  if (found?.id !== provider) throw new Error(`The package has no provider ${provider} any more.`);
  return found.models.map((model) => listedModel(model, suffix, pricesOf(provider, model)));
}

/** A model whose price is not known keeps its names, since the rule of another model might fit them, too. */
function listedModel(model: Model, suffix: string, prices: readonly ListedPrice[]): ListedModel {
  const alternatives = 'or' in model.match ? model.match.or : [model.match];
  const is = alternatives.flatMap((match) => ('equals' in match ? [match.equals.toLowerCase() + suffix] : []));
  const like = alternatives.filter((match) => !('equals' in match)).map((match) => nameRule(match, suffix));
  return {
    id: model.id + suffix,
    ...(model.name === undefined ? {} : { name: model.name }),
    ...(model.context_window === undefined ? {} : { contextWindow: model.context_window }),
    ...(is.length === 0 ? {} : { is }),
    ...(like.length === 0 ? {} : { like }),
    prices,
  };
}

function pricesOf(provider: string, model: Model): readonly ListedPrice[] {
  const prices = conditionals(model).map(listedPrice);
  if (prices.every((price) => price !== undefined)) return prices;
  return model.id.endsWith(':free') || free.has(`${provider}/${model.id}`) ? [{ input: 0 }] : [];
}

function conditionals({ prices }: Model): readonly Conditional[] {
  return Array.isArray(prices) ? prices : [{ prices }];
}

function nameRule(match: Match, suffix: string): NameRule {
  if (suffix !== '') throw new Error('A model that is sold by others is found by a rule now; the script knows whole names only.');
  const all = 'and' in match ? match.and : [match];
  return all.reduce<NameRule>((rule, one) => {
    if ('starts_with' in one) return { ...rule, startsWith: one.starts_with.toLowerCase() };
    if ('ends_with' in one) return { ...rule, endsWith: one.ends_with.toLowerCase() };
    if ('contains' in one) return { ...rule, contains: one.contains.toLowerCase() };
    if ('regex' in one) return { ...rule, matches: one.regex };
    throw new Error(`A rule for names that the script does not know: ${JSON.stringify(match)}`);
  }, {});
}

/** undefined where a request is billed by something that is not read, or where it is not known what tokens cost. */
function listedPrice({ constraint, prices }: Conditional): ListedPrice | undefined {
  const keys = Object.keys(prices).filter((key) => prices[key] !== undefined);
  if (prices[rateKeys.input] === undefined || !keys.every((key) => billable.has(key))) return undefined;
  const starts = [...new Set(keys.flatMap((key) => tiersOf(prices[key]).map(({ start }) => start)))].toSorted((a, b) => a - b);
  const request = prices[REQUESTS];
  return {
    ...condition(constraint),
    ...ratesAt(prices, 0),
    // A dollar for a thousand is a million nano-dollars for each.
    ...(typeof request === 'number' ? { request: picoDollars(request) } : {}),
    ...(starts.length === 0 ? {} : { longContext: starts.map((above) => ({ above, ...ratesAt(prices, above + 1) })) }),
  };
}

function ratesAt(prices: Prices, inputTokens: number): { readonly input: number } & Partial<Record<keyof typeof rateKeys, number>> {
  const rates = Object.entries(rateKeys).flatMap(([name, key]) => {
    const price = prices[key];
    if (price === undefined) return [];
    const base = typeof price === 'number' ? price : price.base;
    const tier = tiersOf(price).findLast(({ start }) => inputTokens > start);
    return [[name, picoDollars(tier?.price ?? base)] as const];
  });
  return { input: 0, ...Object.fromEntries(rates) };
}

function tiersOf(price: Prices[string]): readonly { readonly start: number; readonly price: number }[] {
  return typeof price === 'object' ? price.tiers.toSorted((a, b) => a.start - b.start) : [];
}

function condition(constraint: Conditional['constraint']): Pick<ListedPrice, 'from' | 'between'> {
  if (constraint === undefined) return {};
  return 'start_date' in constraint ? { from: constraint.start_date } : { between: [secondOfDay(constraint.start_time), secondOfDay(constraint.end_time)] };
}

function secondOfDay(time: string): number {
  const [, hours, minutes, seconds] = /^(\d\d):(\d\d):(\d\d)Z$/.exec(time) ?? [];
  if (hours === undefined) throw new Error(`A time of day that the script does not know: ${time}`);
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
