import { KeyVaultError } from './key-vault-error.ts';

/**
 * A budget of requests per window, as Key Vault has them per vault and region
 * (https://learn.microsoft.com/azure/key-vault/general/service-limits). Without `limit`, nothing is throttled.
 */
export class Throttle {
  /** Milliseconds. */
  windowMs = 10_000;
  /** What `Retry-After` says, in seconds; left out: until the window ends, rounded up. `none`: no such header, which happens, too. */
  retryAfter: number | 'none' | undefined;
  #limit: number | undefined;
  #began = -Infinity;
  #used = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Requests per window. Setting it begins a new window with the next request. */
  get limit(): number | undefined {
    return this.#limit;
  }

  set limit(requests: number | undefined) {
    this.#limit = requests;
    this.#began = -Infinity;
  }

  /** Counts a request; throws 429 when the window has no more. */
  admit(): void {
    const now = this.#now();
    if (now >= this.#began + this.windowMs) {
      this.#began = now;
      this.#used = 0;
    }
    if (this.#limit === undefined || this.#used < this.#limit) {
      this.#used += 1;
      return;
    }
    const seconds = this.retryAfter ?? Math.ceil((this.#began + this.windowMs - now) / 1000);
    throw new KeyVaultError(429, 'Throttled', 'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached', undefined, seconds === 'none' ? {} : { 'retry-after': String(seconds) });
  }
}
