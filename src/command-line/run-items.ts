import { setTimeout as sleep } from 'node:timers/promises';
import { KeyholdRefusal } from '../adapters/keyhold-api/call-keyhold.ts';
import type { ItemResult } from './item-result.ts';
import type { Terminal } from './terminal.ts';

const TRIES = 3;
const LONGEST_WAIT_SECONDS = 10;
const TELL_EVERY_MS = 5_000;
/** What may well be otherwise in a while. */
const PASSING = new Set(['unavailable', 'rate_limited', 'timeout', 'internal', 'upstream_failed', '']);

/** Of whom an item is, and where it was found. */
export type ItemName = Pick<ItemResult, 'from' | 'tenant' | 'service' | 'label'>;

/** What was done before the run ended, and why it ended early. */
export interface ItemsDone {
  readonly results: readonly ItemResult[];
  readonly error?: unknown;
}

/**
 * Does one item after the other and keeps what became of each. An item that is refused does not keep the next from being done; a Keyhold that answers no more
 * ends the run, and so does a token that it does not know. While its store is away an item is tried again, and the next ones are not. Progress is told on the way.
 */
export async function runItems<T extends ItemName>(items: readonly T[], terminal: Terminal, work: (item: T) => Promise<Omit<ItemResult, keyof ItemName>>): Promise<ItemsDone> {
  const results: ItemResult[] = [];
  let told = performance.now();
  let tries = TRIES;
  for (const item of items) {
    const { from, tenant, service, label } = item;
    try {
      results.push({ from, tenant, service, label, ...(await repeated(tries, () => work(item))) });
      tries = TRIES;
    } catch (error) {
      if (!(error instanceof KeyholdRefusal) || error.code === 'unauthenticated') return { results, error };
      if (mayPass(error)) tries = 1;
      results.push({ from, tenant, service, label, outcome: PASSING.has(error.code) ? 'failed' : 'refused', reason: error.said });
    }
    if (performance.now() - told > TELL_EVERY_MS) {
      told = performance.now();
      terminal.error(`keyhold: ${results.length} of ${items.length} …\n`);
    }
  }
  return { results };
}

async function repeated<T>(tries: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeyholdRefusal && mayPass(error)) || attempt === tries) throw error;
      await sleep(1_000 * Math.min(error.retryAfterSeconds ?? 1, LONGEST_WAIT_SECONDS));
    }
  }
}

function mayPass({ code }: KeyholdRefusal): boolean {
  return code === 'unavailable' || code === 'rate_limited';
}
