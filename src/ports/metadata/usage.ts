import type { UsageEvent } from '../usage.ts';
import type { Page, PageRequest, Stored } from './stored.ts';

export interface UsageBatchKey {
  readonly tenant: string;
  readonly journal: string;
  readonly segment: number;
}

/** One sealed journal segment's events of one tenant; created once, whatever is retried. */
export interface UsageBatch extends UsageBatchKey {
  /** In the order in which they ended. */
  readonly events: readonly UsageEvent[];
}

/** What events are summed by in a roll-up. */
export interface UsageDimensions {
  readonly service: string;
  readonly model: string | null;
  readonly route: string;
  readonly outcome: UsageEvent['outcome'];
  readonly keySource: UsageEvent['keySource'];
  readonly credentialId: string | null;
  readonly gatewayKeyId: string | null;
  readonly tokenId: string | null;
}

export interface UsageSums {
  readonly requests: number;
  readonly unpricedRequests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  /** What the priced requests cost. Absent in sums from before there were prices. */
  readonly nanoDollars?: number | undefined;
}

export interface UsageRollupKey {
  readonly tenant: string;
  /** Start of the hour, milliseconds since the epoch. */
  readonly hour: number;
  readonly journal: string;
}

/** One journal's part of one tenant's hour; all journals' parts are summed on reading. */
export interface UsageRollup {
  /** Highest segment that is already in these sums, so that a retry cannot count twice. */
  readonly appliedSegment: number;
  readonly rows: readonly { readonly dimensions: UsageDimensions; readonly sums: UsageSums }[];
}

export interface UsageRange {
  /** Inclusive, milliseconds since the epoch, by the event's `time`. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export interface UsageRepository {
  /** Creates the batch; a repeat of the same (tenant, journal, segment) changes nothing. */
  putBatch(batch: UsageBatch): Promise<void>;
  getBatch(key: UsageBatchKey): Promise<UsageBatch | undefined>;
  /** Batches that may hold events of the range, newest last event first. */
  listBatches(tenant: string, range: UsageRange, page: PageRequest): Promise<Page<UsageBatch>>;
  getRollup(key: UsageRollupKey): Promise<Stored<UsageRollup> | undefined>;
  createRollup(key: UsageRollupKey, rollup: UsageRollup): Promise<void>;
  replaceRollup(key: UsageRollupKey, rollup: UsageRollup, revision: number): Promise<void>;
  /** Every journal's roll-ups of the hours in [from, to). */
  listRollups(tenant: string, range: UsageRange): Promise<readonly (UsageRollupKey & { readonly rollup: UsageRollup })[]>;
}
