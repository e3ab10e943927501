import type { MeteredCounts } from '../../ports/usage.ts';

/** What a token costs, in pico-dollars (a dollar a million tokens is 1,000,000), by what kind of token it is. All whole numbers. */
export interface Rates {
  /** Input that came from no cache and went into none. */
  readonly input: number;
  /** Input that was read from the provider's cache. */
  readonly cachedInput: number;
  /** Input that was written into the provider's cache. */
  readonly cacheWrite: number;
  /** The same, where it is kept there for an hour. */
  readonly longCacheWrite: number;
  readonly audioInput: number;
  /** Reasoning included. */
  readonly output: number;
  readonly audioOutput: number;
}

/** What a request to one model costs at one time. */
export interface Price {
  readonly rates: Rates;
  /** For the request itself, in nano-dollars. */
  readonly request: number;
  /** Rates of a request whose whole input is longer than `above` tokens, all of its tokens included; shortest first. */
  readonly longContext: readonly { readonly above: number; readonly rates: Rates }[];
}

const PICO_PER_NANO = 1000;

/**
 * What a request costs, in whole nano-dollars: exact, then rounded half up once, so it is at most half a nano-dollar off. More than
 * `Number.MAX_SAFE_INTEGER` (nine million dollars) is that. Counts that contradict each other are read so that no token is paid twice.
 */
export function costOf(price: Price, counts: MeteredCounts): number {
  const rates = ratesFor(price, counts.inputTokens);
  const cached = Math.min(counts.cachedTokens, counts.inputTokens);
  const written = Math.min(counts.cacheWriteTokens, counts.inputTokens - cached);
  const longWritten = Math.min(counts.longCacheWriteTokens, written);
  const audioIn = Math.min(counts.audioInputTokens, counts.inputTokens - cached - written);
  const audioOut = Math.min(counts.audioOutputTokens, counts.outputTokens);
  const plainIn = counts.inputTokens - cached - written - audioIn;
  const pico =
    plainIn * rates.input +
    cached * rates.cachedInput +
    (written - longWritten) * rates.cacheWrite +
    longWritten * rates.longCacheWrite +
    audioIn * rates.audioInput +
    (counts.outputTokens - audioOut) * rates.output +
    audioOut * rates.audioOutput;
  // Every product and every partial sum of a sum this small is a whole number that a double holds exactly.
  if (pico <= Number.MAX_SAFE_INTEGER) return bounded(price.request + rounded(pico));
  return inBigIntegers(price.request, [
    [plainIn, rates.input],
    [cached, rates.cachedInput],
    [written - longWritten, rates.cacheWrite],
    [longWritten, rates.longCacheWrite],
    [audioIn, rates.audioInput],
    [counts.outputTokens - audioOut, rates.output],
    [audioOut, rates.audioOutput],
  ]);
}

/** What a request can cost at most, in whole nano-dollars, if it reads and writes so many tokens, whatever kinds they turn out to be: never less than `costOf` of it. */
export function worstCase(price: Price, inputTokens: number, outputTokens: number): number {
  let most = 0;
  for (const rates of [price.rates, ...price.longContext.filter(({ above }) => inputTokens > above).map(({ rates }) => rates)]) {
    const input = Math.max(rates.input, rates.cachedInput, rates.cacheWrite, rates.longCacheWrite, rates.audioInput);
    const output = Math.max(rates.output, rates.audioOutput);
    const pico = inputTokens * input + outputTokens * output;
    most = Math.max(most, pico <= Number.MAX_SAFE_INTEGER ? bounded(price.request + rounded(pico)) : inBigIntegers(price.request, [[inputTokens, input], [outputTokens, output]]));
  }
  return most;
}

/** The dearer of two in every respect, for a request that may run either model. */
export function dearer(a: Price, b: Price): Price {
  if (a === b) return a;
  const bounds = [...new Set([...a.longContext, ...b.longContext].map(({ above }) => above))].toSorted((x, y) => x - y);
  return {
    rates: dearerRates(a.rates, b.rates),
    request: Math.max(a.request, b.request),
    longContext: bounds.map((above) => ({ above, rates: dearerRates(ratesFor(a, above + 1), ratesFor(b, above + 1)) })),
  };
}

function dearerRates(a: Rates, b: Rates): Rates {
  return {
    input: Math.max(a.input, b.input),
    cachedInput: Math.max(a.cachedInput, b.cachedInput),
    cacheWrite: Math.max(a.cacheWrite, b.cacheWrite),
    longCacheWrite: Math.max(a.longCacheWrite, b.longCacheWrite),
    audioInput: Math.max(a.audioInput, b.audioInput),
    output: Math.max(a.output, b.output),
    audioOutput: Math.max(a.audioOutput, b.audioOutput),
  };
}

function ratesFor({ rates, longContext }: Price, inputTokens: number): Rates {
  let found = rates;
  for (const tier of longContext) if (inputTokens > tier.above) found = tier.rates;
  return found;
}

function rounded(pico: number): number {
  const rest = pico % PICO_PER_NANO;
  return (pico - rest) / PICO_PER_NANO + (rest * 2 >= PICO_PER_NANO ? 1 : 0);
}

function bounded(nano: number): number {
  return Math.min(nano, Number.MAX_SAFE_INTEGER);
}

function inBigIntegers(request: number, products: readonly (readonly [number, number])[]): number {
  const pico = products.reduce((sum, [tokens, rate]) => sum + BigInt(tokens) * BigInt(rate), 0n);
  const nano = BigInt(request) + (pico + BigInt(PICO_PER_NANO / 2)) / BigInt(PICO_PER_NANO);
  return nano > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(nano);
}
