import type { Clock } from '../../ports/clock.ts';
import { limitedAddress } from './limited-address.ts';

/** R0.3: more than so many unknown keys a minute from one address are answered with 429. */
const ALLOWED = 20;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/**
 * Counts unknown keys per address, over the last minute. A request without a key is never noted. Bounded: the address noted least
 * lately is forgotten first.
 */
export class UnknownKeys {
  readonly #clock: Clock;
  /** When the last unknown keys came, oldest first, `ALLOWED` at most. */
  readonly #seen = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whole seconds until the next unknown key from this address may be tried, 1 or more; undefined while it may be. */
  blockedFor(address: string): number | undefined {
    const times = this.#seen.get(limitedAddress(address)) ?? [];
    const oldest = times[0];
    if (times.length < ALLOWED || oldest === undefined) return undefined;
    const left = oldest + WINDOW_MS - this.#clock.monotonic();
    return left > 0 ? Math.ceil(left / 1_000) : undefined;
  }

  /** An unknown key came from this address. While the address is blocked nothing is added, so that the block ends. */
  note(address: string): void {
    if (this.blockedFor(address) !== undefined) return;
    const key = limitedAddress(address);
    const times = this.#seen.get(key) ?? [];
    times.push(this.#clock.monotonic());
    if (times.length > ALLOWED) times.shift();
    this.#seen.delete(key);
    this.#seen.set(key, times);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_ADDRESSES) return;
      this.#seen.delete(oldest);
    }
  }
}
