import type { UsageDimensions, UsageRollup, UsageSums } from '../../ports/metadata/usage.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import { nanoDollars } from '../prices/money.ts';

export const HOUR_MS = 3_600_000;

/** Models are the caller's text: a roll-up has this many rows, and what comes after counts under one name, so that nobody can grow a record without end. */
const MAX_ROWS = 2_000;
const OTHER_MODELS = '(other models)';

export type RollupRow = UsageRollup['rows'][number];

export const noUsage: UsageSums = Object.freeze({
  requests: 0,
  unpricedRequests: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  nanoDollars: 0,
});

/** Start of the hour that a time lies in; both are milliseconds since the epoch. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR_MS) * HOUR_MS;
}

/** What one event adds to the sums. */
export function sumsOf(event: UsageEvent): UsageSums {
  return {
    requests: 1,
    unpricedRequests: event.unpriced ? 1 : 0,
    inputTokens: event.inputTokens,
    outputTokens: event.outputTokens,
    cachedTokens: event.cachedTokens,
    cacheWriteTokens: event.cacheWriteTokens,
    reasoningTokens: event.reasoningTokens,
    nanoDollars: event.cost === null ? 0 : nanoDollars(event.cost),
  };
}

export function addSums(a: UsageSums, b: UsageSums): UsageSums {
  return {
    requests: a.requests + b.requests,
    unpricedRequests: a.unpricedRequests + b.unpricedRequests,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    nanoDollars: (a.nanoDollars ?? 0) + (b.nanoDollars ?? 0),
  };
}

export function dimensionsOf(event: UsageEvent): UsageDimensions {
  return {
    service: event.service,
    model: event.model,
    route: event.route,
    outcome: event.outcome,
    keySource: event.keySource,
    credentialId: event.credentialId,
    gatewayKeyId: event.gatewayKeyId,
    tokenId: event.tokenId,
  };
}

/** The rows of a roll-up with these events added: one row for each set of dimensions that occurs, up to a bound. */
export function addEvents(rows: readonly RollupRow[], events: readonly UsageEvent[]): readonly RollupRow[] {
  const sums = new SumsBy<UsageDimensions>((dimensions) => [
    dimensions.service,
    dimensions.model,
    dimensions.route,
    dimensions.outcome,
    dimensions.keySource,
    dimensions.credentialId,
    dimensions.gatewayKeyId,
    dimensions.tokenId,
  ]);
  for (const row of rows) sums.add(row.dimensions, row.sums);
  for (const { dimensions, sums: ofGroup } of groupsOf(events)) {
    const isOneTooMany = sums.size >= MAX_ROWS && !sums.has(dimensions);
    sums.add(isOneTooMany ? { ...dimensions, model: OTHER_MODELS } : dimensions, ofGroup);
  }
  return sums.groups().map(({ key, sums }) => ({ dimensions: key, sums }));
}

/** Among so many groups of one caller's an event looks for its own; one that does not find it begins another, and both count under the same key in the end. */
const LOOKED_THROUGH = 16;

/** Events added up with their like, without making a key of each: hardly any differs from all those before it. */
function groupsOf(events: readonly UsageEvent[]): readonly RollupRow[] {
  const groups: { readonly dimensions: UsageDimensions; sums: UsageSums }[] = [];
  const ofCaller = new Map<string, (typeof groups)[number][]>();
  for (const event of events) {
    const caller = event.gatewayKeyId ?? event.tokenId ?? '';
    const known = ofCaller.get(caller) ?? [];
    let group: (typeof groups)[number] | undefined;
    for (let at = known.length - 1; at >= Math.max(0, known.length - LOOKED_THROUGH); at -= 1) {
      group = known[at];
      if (group !== undefined && isOf(group.dimensions, event)) break;
      group = undefined;
    }
    if (group === undefined) {
      group = { dimensions: dimensionsOf(event), sums: sumsOf(event) };
      groups.push(group);
      known.push(group);
      ofCaller.set(caller, known);
    } else group.sums = addSums(group.sums, sumsOf(event));
  }
  return groups;
}

function isOf(a: UsageDimensions, b: UsageEvent): boolean {
  return (
    a.service === b.service &&
    a.model === b.model &&
    a.route === b.route &&
    a.outcome === b.outcome &&
    a.keySource === b.keySource &&
    a.credentialId === b.credentialId &&
    a.gatewayKeyId === b.gatewayKeyId &&
    a.tokenId === b.tokenId
  );
}

/** Adds up usage by a key, told apart by the parts that `partsOf` gives of it. */
export class SumsBy<K> {
  readonly #partsOf: (key: K) => readonly (string | null)[];
  readonly #groups = new Map<string, { readonly key: K; sums: UsageSums }>();

  constructor(partsOf: (key: K) => readonly (string | null)[]) {
    this.#partsOf = partsOf;
  }

  get size(): number {
    return this.#groups.size;
  }

  has(key: K): boolean {
    return this.#groups.has(this.#textOf(key));
  }

  add(key: K, sums: UsageSums): void {
    const text = this.#textOf(key);
    const group = this.#groups.get(text);
    if (group === undefined) this.#groups.set(text, { key, sums });
    else group.sums = addSums(group.sums, sums);
  }

  /** In the order in which the keys were first seen. */
  groups(): readonly { readonly key: K; readonly sums: UsageSums }[] {
    return [...this.#groups.values()];
  }

  #textOf(key: K): string {
    return JSON.stringify(this.#partsOf(key));
  }
}
