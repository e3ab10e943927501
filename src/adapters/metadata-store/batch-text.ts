import type { UsageBatch } from '../../ports/metadata/usage.ts';
import type { BudgetShare, TokenCounts, UsageEvent } from '../../ports/usage.ts';
import { StoredText, unreadableRecord } from './stored-text.ts';

/** A share of a budget without its amount. */
type ShareKind = Omit<BudgetShare, 'amount'>;

/** What many events of a batch say alike. */
interface Common extends Omit<UsageEvent, 'id' | 'time' | 'latencyMs' | 'firstTokenMs' | 'cost' | 'shares' | keyof TokenCounts> {
  readonly currency: string | null;
  /** null: nothing is said of budgets. */
  readonly shares: readonly ShareKind[] | null;
}

/** What an event says beyond that, whose number comes first; the amount of money, and one for each share, come last. */
type Row = readonly [
  common: number,
  id: string,
  time: number,
  latencyMs: number,
  firstTokenMs: number | null,
  inputTokens: number,
  outputTokens: number,
  cachedTokens: number,
  cacheWriteTokens: number,
  reasoningTokens: number,
  cost: string | null,
  ...shares: readonly number[],
];

interface PackedBatch extends Omit<UsageBatch, 'events'> {
  readonly common: readonly Common[];
  readonly rows: readonly Row[];
}

/** Among so many of one caller's an event looks for its like; one that is not found stands twice. */
const LOOKED_THROUGH = 16;

/**
 * A batch of usage events as the text that databases keep: what events have in common stands once. That takes an eighth of the room of a list of events, and of
 * the time to make it and write it (docs/performance.md). Such lists, which were kept before, are read as well.
 */
export class BatchText {
  readonly #text = new StoredText<UsageBatch | PackedBatch>();

  /** Throws as `StoredText` does. */
  write({ tenant, journal, segment, events }: UsageBatch): string {
    const commons = new Commons();
    const rows = events.map((event) => rowOf(commons.numberOf(event), event));
    return this.#text.write({ tenant, journal, segment, common: commons.all, rows });
  }

  /** Throws as `StoredText` does. */
  read(text: string): UsageBatch {
    const kept = this.#text.read(text);
    if ('events' in kept) return kept;
    const { tenant, journal, segment, common, rows } = kept;
    return { tenant, journal, segment, events: rows.map((row) => eventOf(common[row[0]], row)) };
  }
}

class Commons {
  readonly all: Common[] = [];
  /** Numbers by caller, the newest last. */
  readonly #ofCaller = new Map<string, number[]>();

  numberOf(event: UsageEvent): number {
    const caller = event.gatewayKeyId ?? event.tokenId ?? '';
    const known = this.#ofCaller.get(caller) ?? [];
    for (let at = known.length - 1; at >= Math.max(0, known.length - LOOKED_THROUGH); at -= 1) {
      const number = known[at] ?? 0;
      const common = this.all[number];
      if (common !== undefined && isAlike(common, event)) return number;
    }
    const number = this.all.push(commonOf(event)) - 1;
    known.push(number);
    this.#ofCaller.set(caller, known);
    return number;
  }
}

function commonOf(event: UsageEvent): Common {
  const { tenant, service, model, route, status, outcome, keySource, credentialId, credentialVersion, gatewayKeyId, tokenId, attempts, estimated, unpriced, tags, endUser } = event;
  const shares = event.shares?.map(({ budget, period, of }) => ({ budget, period, of })) ?? null;
  const currency = event.cost?.currency ?? null;
  return { tenant, service, model, route, status, outcome, keySource, credentialId, credentialVersion, gatewayKeyId, tokenId, attempts, estimated, unpriced, tags, endUser, currency, shares };
}

function isAlike(a: Common, b: UsageEvent): boolean {
  return (
    a.gatewayKeyId === b.gatewayKeyId &&
    a.tokenId === b.tokenId &&
    a.tenant === b.tenant &&
    a.service === b.service &&
    a.model === b.model &&
    a.route === b.route &&
    a.status === b.status &&
    a.outcome === b.outcome &&
    a.keySource === b.keySource &&
    a.credentialId === b.credentialId &&
    a.credentialVersion === b.credentialVersion &&
    a.attempts === b.attempts &&
    a.estimated === b.estimated &&
    a.unpriced === b.unpriced &&
    a.endUser === b.endUser &&
    a.currency === (b.cost?.currency ?? null) &&
    (a.tags === b.tags || JSON.stringify(a.tags) === JSON.stringify(b.tags)) &&
    areSharesAlike(a.shares, b.shares)
  );
}

function areSharesAlike(a: readonly ShareKind[] | null, b: readonly BudgetShare[] | undefined): boolean {
  if (a === null || b === undefined) return a === null && b === undefined;
  return a.length === b.length && a.every(({ budget, period, of }, at) => b[at]?.budget === budget && b[at].period === period && b[at].of === of);
}

function rowOf(common: number, event: UsageEvent): Row {
  const { id, time, latencyMs, firstTokenMs, inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens, cost, shares } = event;
  const amounts = shares === undefined ? [] : shares.map(({ amount }) => amount);
  return [common, id, time, latencyMs, firstTokenMs, inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens, cost === null ? null : cost.amount, ...amounts];
}

function eventOf(common: Common | undefined, row: Row): UsageEvent {
  if (common === undefined) throw unreadableRecord('an event of a batch refers to what is not in it');
  const [, id, time, latencyMs, firstTokenMs, inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens, amount, ...amounts] = row;
  const { currency, shares, ...said } = common;
  return {
    id,
    time,
    ...said,
    inputTokens,
    outputTokens,
    cachedTokens,
    cacheWriteTokens,
    reasoningTokens,
    latencyMs,
    firstTokenMs,
    cost: amount === null || currency === null ? null : { amount, currency },
    ...(shares === null ? {} : { shares: shares.map((kind, at) => ({ ...kind, amount: amounts[at] ?? 0 })) }),
  };
}
