import type { Clock } from '../../../ports/clock.ts';
import type { ReadSecret } from './kept-secret.ts';

type Newest = ReadSecret | 'absent' | 'disabled';

const FRESH_MS = 1_000;
const MOST = 1_000;

/**
 * What a read has just seen of a name's newest version, for the look after a change by hand that follows it: so a key that is read costs the vault
 * one call, not two. Used once, and not for long: what nobody has asked for leaves memory, since values are in it.
 */
export class JustRead {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly newest: Newest; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(name: string, newest: Newest): void {
    this.#seen.delete(name);
    const seen = { newest, at: this.#clock.monotonic() };
    this.#seen.set(name, seen);
    setTimeout(() => {
      if (this.#seen.get(name) === seen) this.#seen.delete(name);
    }, FRESH_MS).unref();
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MOST) return;
      this.#seen.delete(oldest);
    }
  }

  take(name: string): Newest | undefined {
    const seen = this.#seen.get(name);
    this.#seen.delete(name);
    return seen !== undefined && this.#clock.monotonic() - seen.at < FRESH_MS ? seen.newest : undefined;
  }
}
