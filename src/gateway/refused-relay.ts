import type { MeteredCounts } from '../ports/usage.ts';
import type { Flow, Relay } from './relay.ts';
import { noTokens } from './token-counts.ts';

/** What a provider writes about a key it refused is a few lines; the connection is worth keeping for so much. */
const MAX_BYTES = 64 * 1024;

/** Reads a refusal of the key to its end without keeping any of it, since providers quote the key there. */
export class RefusedRelay implements Relay {
  readonly #flow: Flow;
  #then: (() => void) | undefined;
  #size = 0;

  constructor(flow: Flow, over: () => void) {
    this.#flow = flow;
    this.#then = over;
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= MAX_BYTES) return;
    this.#flow.abort();
    this.end();
  }

  end(): void {
    const over = this.#then;
    this.#then = undefined;
    over?.();
  }

  broke(): void {
    this.end();
  }

  partial(): { counts: MeteredCounts; estimated: boolean } {
    return { counts: noTokens, estimated: false };
  }
}
