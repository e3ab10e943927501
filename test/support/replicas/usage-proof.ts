import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../api.ts';
import { type GatewayTraffic, type Sent, type UsageEvent, usageProblems } from '../crash/gateway-traffic.ts';

/** Whatever a clock says that jumped by hours. */
export const ALWAYS = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z';

/** Journals of the dead are taken over after a term of 30 s, in a round of that length. */
const TAKEN_OVER_MS = 120_000;

export interface UsageProof {
  readonly tenant: string;
  readonly api: () => Api;
  readonly traffic: GatewayTraffic;
  /** Of the tenant. */
  readonly all: readonly Sent[];
  /** Those of which nothing may be lost. */
  readonly kept: readonly Sent[];
}

/** What is wrong with the tenant's usage when everything is delivered and taken over, against what the provider has counted (R5.3). */
export async function usageSumProblems({ tenant, api, traffic, all, kept }: UsageProof): Promise<readonly string[]> {
  const deadline = performance.now() + TAKEN_OVER_MS;
  for (;;) {
    const events = await eventsOf(tenant, api());
    const problems = [...usageProblems(traffic, kept, events)];
    const byMarker = Map.groupBy(events, ({ endUser }) => endUser);
    for (const { marker } of all) if ((byMarker.get(marker)?.length ?? 0) > 1) problems.push(`${marker} is counted twice`);
    const { body } = await api().must('GET', `/api/v1/tenants/${tenant}/usage?${ALWAYS}`);
    const { requests } = body['totals'] as { readonly requests: number };
    if (requests !== events.length) problems.push(`${tenant}: the sum is ${requests} requests, and there are ${events.length} events`);
    const markers = new Set(kept.map(({ marker }) => marker));
    const called = events.filter(({ endUser, attempts }) => attempts > 0 && endUser !== null && markers.has(endUser)).length;
    const arrived = kept.reduce((sum, sent) => sum + traffic.arrivals(sent).length, 0);
    if (called < arrived) problems.push(`${tenant}: the provider counts ${arrived} requests, the events ${called}`);
    if (problems.length === 0 || performance.now() > deadline) return problems;
    await sleep(1_000);
  }
}

async function eventsOf(tenant: string, api: Api): Promise<readonly UsageEvent[]> {
  const events: UsageEvent[] = [];
  let cursor = '';
  do {
    const { body } = await api.must('GET', `/api/v1/tenants/${tenant}/usage/events?limit=1000&${ALWAYS}${cursor}`);
    events.push(...(body['items'] as UsageEvent[]));
    cursor = typeof body['nextCursor'] === 'string' ? `&cursor=${body['nextCursor']}` : '';
  } while (cursor !== '');
  return events;
}
