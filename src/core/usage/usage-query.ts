import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { UsageDimensions, UsageRange, UsageRepository, UsageSums } from '../../ports/metadata/usage.ts';
import type { Page } from '../../ports/metadata/stored.ts';
import type { Money, UsageEvent } from '../../ports/usage.ts';
import type { Actor } from '../access/actor.ts';
import type { Grant } from '../access/grant.ts';
import { dollars } from '../prices/money.ts';
import { eventsOf, newestEvents } from './event-pages.ts';
import { type UsageEventView, usageEventView } from './event-view.ts';
import { addSums, dimensionsOf, HOUR_MS, hourOf, noUsage, SumsBy, sumsOf } from './rollup.ts';

const DEFAULT_RANGE_MS = 30 * 24 * HOUR_MS;
/** Roll-ups are read in pieces, so that a long range does not fill the memory. */
const ROLLUPS_AT_ONCE_MS = 31 * 24 * HOUR_MS;
/** What Date can say: 9999-12-31. */
const MAX_TIME = 253_402_300_800_000;

/** What usage can be grouped by (R0.2). */
const usageDimensions = ['model', 'service', 'route', 'outcome', 'keySource', 'credentialId', 'gatewayKeyId', 'tokenId'] as const satisfies readonly (keyof UsageDimensions)[];

type UsageDimension = (typeof usageDimensions)[number];

/** Sums of R0.2. `cost` is that of the requests whose price was known; null where there is none. */
interface UsageTotals extends Omit<UsageSums, 'nanoDollars'> {
  readonly cost: Money | null;
}

type UsageGroup = UsageTotals & { readonly [D in UsageDimension]?: string | null };

export interface UsageSummary {
  /** RFC 3339; events at `from` count, events at `to` do not. */
  readonly from: string;
  readonly to: string;
  readonly totals: UsageTotals;
  /** Most requests first; empty when nothing was asked to group by. */
  readonly groups: readonly UsageGroup[];
}

/** Milliseconds since the epoch. Left out: until now, from 30 days before `to`. */
export interface UsagePeriod {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Answers what was used (R0.2). What has been written to the journal is delivered first, so an answered request is always in the answer. */
export class UsageQuery {
  readonly #repository: UsageRepository;
  readonly #delivery: { deliver(): Promise<void> };
  readonly #clock: Clock;

  constructor({ repository, delivery, clock }: { readonly repository: UsageRepository; readonly delivery: { deliver(): Promise<void> }; readonly clock: Clock }) {
    this.#repository = repository;
    this.#delivery = delivery;
    this.#clock = clock;
  }

  /** Sums over a period, exact to the millisecond. Throws `invalid_argument` for an unknown dimension or an empty period, `unavailable` when usage cannot be read. */
  async summary(grant: Grant, { groupBy = [], ...period }: UsagePeriod & { readonly groupBy?: readonly string[] | undefined }): Promise<UsageSummary> {
    const tenant = tenantOf(grant);
    const dimensions = [...new Set(groupBy.map(dimensionNamed))];
    checkPeriod(period);
    await this.#delivery.deliver();
    const now = this.#clock.now();
    const range = rangeOf(period, now);
    const groups = new SumsBy<UsageDimensions>((key) => dimensions.map((dimension) => key[dimension]));
    await this.#addUp(tenant, range, now, onlyOwn(grant.actor), groups);
    const found = groups.groups();
    return {
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      totals: withCost(found.reduce((total, { sums }) => addSums(total, sums), noUsage)),
      groups:
        dimensions.length === 0
          ? []
          : found
              .toSorted((a, b) => b.sums.requests - a.sums.requests)
              .map(({ key, sums }) => ({ ...Object.fromEntries(dimensions.map((dimension) => [dimension, key[dimension]])), ...withCost(sums) })),
    };
  }

  /** A page of single events, newest first. `limit` is 1 to 1000, 100 when left out. Errors as `summary`, and `invalid_argument` for another limit or cursor. */
  async events(grant: Grant, { limit = 100, after, ...period }: UsagePeriod & { readonly limit?: number | undefined; readonly after?: string | undefined }): Promise<Page<UsageEventView>> {
    const tenant = tenantOf(grant);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new KeyholdError('invalid_argument', 'limit must be a whole number from 1 to 1000.', { details: { property: 'limit' } });
    checkPeriod(period);
    await this.#delivery.deliver();
    const page = await newestEvents(this.#repository, { tenant, range: rangeOf(period, this.#clock.now()), mine: onlyOwn(grant.actor) }, limit, after);
    return { items: page.items.map(usageEventView), next: page.next };
  }

  /** Whole hours come from roll-ups, the pieces of hours at the ends from single events. */
  async #addUp(tenant: string, range: UsageRange, now: number, mine: (usage: Pick<UsageDimensions, 'tokenId'>) => boolean, groups: SumsBy<UsageDimensions>): Promise<void> {
    const firstHour = Math.min(hourOf(range.from + HOUR_MS - 1), range.to);
    // An hour that is not over has nothing after now, so its roll-up needs no edge.
    const endHour = Math.max(range.to > now ? hourOf(range.to + HOUR_MS - 1) : hourOf(range.to), firstHour);
    for (let hour = firstHour; hour < endHour; hour += ROLLUPS_AT_ONCE_MS) {
      const rollups = await this.#repository.listRollups(tenant, { from: hour, to: Math.min(hour + ROLLUPS_AT_ONCE_MS, endHour) });
      for (const { dimensions, sums } of rollups.flatMap(({ rollup }) => rollup.rows)) {
        if (mine(dimensions)) groups.add(dimensions, sums);
      }
    }
    for (const edge of [{ from: range.from, to: firstHour }, { from: endHour, to: range.to }]) {
      for await (const event of eventsOf(this.#repository, { tenant, range: edge, mine })) groups.add(dimensionsOf(event), sumsOf(event));
    }
  }
}

/** `now` is taken after the delivery, so that what ended a moment ago is before `to`. */
function rangeOf({ from, to }: UsagePeriod, now: number): UsageRange {
  const end = to ?? Math.max(now + 1, from === undefined ? 0 : from + 1);
  return { from: from ?? Math.max(0, hourOf(end - DEFAULT_RANGE_MS)), to: end };
}

function tenantOf(grant: Grant): string {
  const { scope } = grant.use('usage.read');
  if (scope.kind === 'tenant') return scope.tenant;
  throw new KeyholdError('internal', 'Usage was asked for without a tenant.');
}

/** A tenant-member sees its own usage (R0.2): the requests it made with its own token. */
function onlyOwn(actor: Actor): (usage: Pick<UsageEvent, 'tokenId'>) => boolean {
  return actor.role === 'tenant-member' ? ({ tokenId }) => tokenId === actor.id : () => true;
}

function dimensionNamed(name: string): UsageDimension {
  const dimension = usageDimensions.find((known) => known === name);
  if (dimension !== undefined) return dimension;
  throw new KeyholdError('invalid_argument', `Usage cannot be grouped by that. groupBy takes any of ${usageDimensions.join(', ')}, separated by commas.`, {
    details: { property: 'groupBy', allowed: usageDimensions },
  });
}

function checkPeriod({ from, to }: UsagePeriod): void {
  for (const [property, time] of [['from', from], ['to', to]] as const) {
    if (time !== undefined && !(Number.isSafeInteger(time) && time >= 0 && time < MAX_TIME)) {
      throw new KeyholdError('invalid_argument', `${property} must be a time from 1970 to 9999, for example 2026-01-31T12:00:00Z.`, { details: { property } });
    }
  }
  if (from !== undefined && to !== undefined && from >= to) {
    throw new KeyholdError('invalid_argument', 'from must be earlier than to.', { details: { property: 'from' } });
  }
}

/** Of the requests whose price was known; where there is none, null, never 0. */
function withCost({ nanoDollars = 0, ...sums }: UsageSums): UsageTotals {
  return { ...sums, cost: sums.requests === sums.unpricedRequests ? null : dollars(nanoDollars) };
}
