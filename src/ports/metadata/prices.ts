import type { Scope } from '../scope.ts';
import type { Repository } from './stored.ts';

/** What a token costs, in pico-dollars (a dollar a million tokens is 1,000,000). What is left out of the input costs as `input`, of the output as `output`. */
export interface TokenRates {
  readonly input: number;
  readonly cachedInput?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly longCacheWrite?: number | undefined;
  readonly audioInput?: number | undefined;
  /** Left out: nothing. */
  readonly output?: number | undefined;
  readonly audioOutput?: number | undefined;
}

/** A price that was set for a model, in place of the one that providers publish. */
export interface SetPrice extends TokenRates {
  readonly service: string;
  /** A model's name as the service has it, in lower case, or a glob. */
  readonly model: string;
  /** Milliseconds since the epoch; 0: always. */
  readonly from: number;
  /** Nano-dollars for a request itself. */
  readonly request?: number | undefined;
  readonly longContext?: readonly (TokenRates & { readonly above: number })[] | undefined;
}

/** Every price that is set for the whole platform, or for one tenant. */
export interface PriceBookRecord {
  readonly prices: readonly SetPrice[];
}

/** Without a record nothing is set. */
export type PriceBookRepository = Repository<{ readonly scope: Scope }, PriceBookRecord>;
