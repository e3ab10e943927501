import type { Money, UsageEvent } from '../../ports/usage.ts';

/** An event as the API shows it (R5.3); whose it is, the path says. */
export interface UsageEventView extends Omit<UsageEvent, 'time' | 'tenant' | 'cost'> {
  /** RFC 3339, UTC, with milliseconds. */
  readonly time: string;
  readonly cost: Money | null;
}

export function usageEventView(event: UsageEvent): UsageEventView {
  return {
    id: event.id,
    time: new Date(event.time).toISOString(),
    service: event.service,
    model: event.model,
    route: event.route,
    status: event.status,
    outcome: event.outcome,
    keySource: event.keySource,
    credentialId: event.credentialId,
    credentialVersion: event.credentialVersion,
    gatewayKeyId: event.gatewayKeyId,
    tokenId: event.tokenId,
    attempts: event.attempts,
    inputTokens: event.inputTokens,
    outputTokens: event.outputTokens,
    cachedTokens: event.cachedTokens,
    cacheWriteTokens: event.cacheWriteTokens,
    reasoningTokens: event.reasoningTokens,
    estimated: event.estimated,
    latencyMs: event.latencyMs,
    firstTokenMs: event.firstTokenMs,
    cost: event.cost,
    unpriced: event.unpriced,
    tags: event.tags,
    endUser: event.endUser,
  };
}
