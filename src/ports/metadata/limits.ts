import type { Repository } from './stored.ts';

/** At most so many in each window of this length. */
export interface WindowLimit {
  readonly max: number;
  readonly per: 'second' | 'minute' | 'hour' | 'day';
}

/** What is allowed of one thing; an empty list and null: as much as comes. */
export interface RateLimits {
  readonly requests: readonly WindowLimit[];
  readonly tokens: readonly WindowLimit[];
  /** Open at a time. */
  readonly concurrent: number | null;
}

export interface Limits extends RateLimits {
  /** By service id; they hold beside those for all services together. */
  readonly services: Readonly<Record<string, RateLimits>>;
}

export interface LimitsRecord {
  readonly limits: Limits;
}

/** `own`: what the tenant sets for itself; `platform`: what the platform sets for it. Both hold (R0.2). */
export type LimitsLayer = 'own' | 'platform';

export interface LimitsKey {
  readonly tenant: string;
  readonly layer: LimitsLayer;
}

/** Where there is no record, that layer limits nothing. */
export type LimitsRepository = Repository<LimitsKey, LimitsRecord>;
