/** Which credential served (R0.4). */
export type KeySource = 'explicit' | 'tenant' | 'platform' | 'environment';

export interface Money {
  /** Decimal string. */
  readonly amount: string;
  /** ISO 4217. */
  readonly currency: string;
}

export interface TokenCounts {
  /** Everything the model read, cached tokens included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input, read from the provider's cache. */
  readonly cachedTokens: number;
  /** Of the input, written to the provider's cache. */
  readonly cacheWriteTokens: number;
  /** Of the output, spent on reasoning. */
  readonly reasoningTokens: number;
}

/** What a provider told of a request: what an event keeps, and what only its price depends on. */
export interface MeteredCounts extends TokenCounts {
  /** Of `cacheWriteTokens`, those that stay in the provider's cache for an hour. */
  readonly longCacheWriteTokens: number;
  /** Of the input that neither came from the provider's cache nor went into it. */
  readonly audioInputTokens: number;
  /** Of the output. */
  readonly audioOutputTokens: number;
}

/** What a request takes of a budget: an upper bound before it, and what it came to after it. */
export interface BudgetShare {
  /** The budget's id. */
  readonly budget: string;
  /** The name of the period in which the request began. */
  readonly period: string;
  /** Whole nano-dollars, tokens or requests. */
  readonly amount: number;
  /** The budget's own amount then, so that whoever delivers the share knows what part of it that is. */
  readonly of: number;
}

/** One request that reached (or was about to reach) a provider (R5.3). */
export interface UsageEvent extends TokenCounts {
  /** `use_` and 24 characters that sort by time. */
  readonly id: string;
  /** When the request ended, milliseconds since the epoch. */
  readonly time: number;
  readonly tenant: string;
  readonly service: string;
  readonly model: string | null;
  /** The catalogue's route id, `chat/completions`. */
  readonly route: string;
  /** The upstream's status; null when it never answered. */
  readonly status: number | null;
  readonly outcome: 'completed' | 'aborted' | 'failed';
  readonly keySource: KeySource;
  readonly credentialId: string | null;
  readonly credentialVersion: number | null;
  readonly gatewayKeyId: string | null;
  /** The API token's, the user's who signed in, or the name of a client certificate's entry. */
  readonly tokenId: string | null;
  readonly attempts: number;
  /** The counts are not the provider's own final ones. */
  readonly estimated: boolean;
  readonly latencyMs: number;
  readonly firstTokenMs: number | null;
  /** By the price when the request began, for ever. null with `unpriced: true` where that was not known; never 0 for unknown. */
  readonly cost: Money | null;
  readonly unpriced: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly endUser: string | null;
  /** What it counts in which budgets; absent where there are none. */
  readonly shares?: readonly BudgetShare[] | undefined;
}

/** What is known before the upstream call; the end entry has the rest. */
export type UsageStart = Pick<
  UsageEvent,
  'id' | 'tenant' | 'service' | 'model' | 'route' | 'keySource' | 'credentialId' | 'credentialVersion' | 'gatewayKeyId' | 'tokenId' | 'tags' | 'endUser' | 'shares'
> & {
  readonly startedAt: number;
  readonly estimatedInputTokens: number;
  /** What that input costs, in nano-dollars, if nothing more is heard of the request; null where its price is not known. Absent in entries from before there were prices. */
  readonly estimatedCost?: number | null | undefined;
};
