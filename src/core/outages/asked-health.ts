import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { StoreHealth } from '../../ports/secret-store.ts';

/** How a store is, told by a question to it. One that refuses is there: its refusal is an answer, and no outage (DESIGN «Stale serving»). */
export async function askedHealth(clock: Pick<Clock, 'monotonic'>, ask: () => Promise<unknown>): Promise<StoreHealth> {
  const startedAt = clock.monotonic();
  const health = await ask().then(() => ({ connected: true }), notConnected);
  return { ...health, latencyMs: clock.monotonic() - startedAt };
}

function notConnected(error: unknown): Pick<StoreHealth, 'connected' | 'refuses'> {
  const { code, outage } = asKeyholdError(error);
  if (outage === 'refused') return { connected: false, refuses: 'us' };
  return code === 'permission_denied' ? { connected: false, refuses: 'the question' } : { connected: false };
}
