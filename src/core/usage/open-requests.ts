import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { dollars } from '../prices/money.ts';

/** What one segment of a journal says. */
interface Entries {
  readonly starts: readonly UsageStart[];
  readonly events: readonly UsageEvent[];
  /** Starts that came to nothing. */
  readonly withdrawn?: readonly string[];
}

/** The requests of one journal that have started and not ended, segment after segment. */
export class OpenRequests {
  readonly #open = new Map<string, UsageStart>();
  #lastSeen = 0;

  follow({ starts, events, withdrawn = [] }: Entries): void {
    for (const start of starts) {
      this.#open.set(start.id, start);
      this.#lastSeen = Math.max(this.#lastSeen, start.startedAt);
    }
    for (const { id, time } of events) {
      this.#open.delete(id);
      this.#lastSeen = Math.max(this.#lastSeen, time);
    }
    for (const id of withdrawn) this.#open.delete(id);
  }

  /** How they ended: with the process, at the last moment that its journal knows of. */
  aborted(): readonly UsageEvent[] {
    return [...this.#open.values()].map(({ startedAt, estimatedInputTokens, estimatedCost = null, ...start }) => ({
      ...start,
      time: this.#lastSeen,
      status: null,
      outcome: 'aborted',
      attempts: 1,
      inputTokens: estimatedInputTokens,
      outputTokens: 0,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      estimated: true,
      latencyMs: this.#lastSeen - startedAt,
      firstTokenMs: null,
      cost: estimatedCost === null ? null : dollars(estimatedCost),
      unpriced: estimatedCost === null,
    }));
  }
}
