import type { UsageEvent } from '../../ports/usage.ts';

/** An event for tests. */
export function sampleEvent(id: string, time: number, changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    id,
    time,
    tenant: 'acme',
    service: 'openai',
    model: 'gpt-4o-mini',
    route: 'chat/completions',
    status: 200,
    outcome: 'completed',
    keySource: 'tenant',
    credentialId: 'cred_1',
    credentialVersion: 1,
    gatewayKeyId: 'gk_1',
    tokenId: null,
    attempts: 1,
    inputTokens: 10,
    outputTokens: 20,
    cachedTokens: 3,
    cacheWriteTokens: 2,
    reasoningTokens: 1,
    estimated: false,
    latencyMs: 1_000,
    firstTokenMs: 100,
    cost: null,
    unpriced: true,
    tags: {},
    endUser: null,
    ...changes,
  };
}
