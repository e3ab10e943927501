import type { UsageEvent, UsageStart } from '../../ports/usage.ts';

/** A request's start for tests. */
export function sampleStart(id: string, changes: Partial<UsageStart> = {}): UsageStart {
  return {
    id,
    tenant: 'acme',
    service: 'openai',
    model: 'gpt-4o-mini',
    route: 'chat/completions',
    keySource: 'tenant',
    credentialId: 'cred_0123456789abcdef',
    credentialVersion: 1,
    gatewayKeyId: '0123456789abcdef',
    tokenId: null,
    tags: { team: 'search' },
    endUser: null,
    startedAt: 1_767_225_600_000,
    estimatedInputTokens: 77,
    estimatedCost: null,
    ...changes,
  };
}

/** How a request that began like this ended, for tests. */
export function sampleEnd(start: UsageStart, changes: Partial<UsageEvent> = {}): UsageEvent {
  const { startedAt, estimatedInputTokens: _, estimatedCost: __, ...common } = start;
  return {
    ...common,
    time: startedAt + 1_000,
    status: 200,
    outcome: 'completed',
    attempts: 1,
    inputTokens: 10,
    outputTokens: 20,
    cachedTokens: 3,
    cacheWriteTokens: 2,
    reasoningTokens: 1,
    estimated: false,
    latencyMs: 1_000.5,
    firstTokenMs: 12.25,
    cost: null,
    unpriced: true,
    ...changes,
  };
}
