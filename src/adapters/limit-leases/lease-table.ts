import type { Clock } from '../../ports/clock.ts';
import { HELD_MS, type HeldAsk, type LimitLeases, type WindowAnswer, type WindowAsk } from '../../ports/limit-leases.ts';

/** The smaller part of what is left that goes out for what may come. */
const SURPLUS_OF_LEFT = 16;
/** Ended windows are cleared out when there are so many entries. */
const CLEAR_AT = 10_000;

interface Window {
  number: number;
  used: number;
  readonly windowMs: number;
}

interface Holder {
  readonly count: number;
  readonly until: number;
}

/** The account in the memory of one process: its own, or that of the process which its workers ask. */
export class LeaseTable implements LimitLeases {
  readonly kind = 'process';
  readonly #clock: Clock;
  /** The wall clock at the start, carried on by the one that only grows: no window is had twice because somebody sets the clock. */
  readonly #startedAt: number;
  readonly #windows = new Map<string, Window>();
  readonly #holders = new Map<string, Map<string, Holder>>();
  #clearAt = CLEAR_AT;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now() - clock.monotonic();
  }

  window({ key, windowMs, max, need, surplus, back, beyond }: WindowAsk): WindowAnswer {
    const now = this.#startedAt + this.#clock.monotonic();
    const number = Math.floor(now / windowMs);
    const kept = this.#windowOf(key, windowMs, number);
    if (back.window === kept.number) kept.used = Math.max(0, kept.used - back.amount);
    kept.used += beyond;
    const left = Math.max(0, max - kept.used);
    const needed = Math.min(need, left);
    const granted = needed + Math.min(surplus, Math.floor((left - needed) / SURPLUS_OF_LEFT));
    kept.used += granted;
    return { granted, window: kept.number, leftMs: (kept.number + 1) * windowMs - now, left: left - granted };
  }

  held({ key, max, holder, open, want }: HeldAsk): number {
    const now = this.#clock.monotonic();
    const holders = this.#holders.get(key) ?? new Map<string, Holder>();
    let others = 0;
    for (const [name, { count, until }] of holders) {
      if (name === holder) continue;
      if (until <= now) holders.delete(name);
      else others += count;
    }
    const count = Math.max(open, Math.min(want, max - others));
    if (count === 0) holders.delete(holder);
    else holders.set(holder, { count, until: now + HELD_MS });
    if (holders.size === 0) this.#holders.delete(key);
    else this.#holders.set(key, holders);
    return count;
  }

  #windowOf(key: string, windowMs: number, number: number): Window {
    const kept = this.#windows.get(key);
    if (kept !== undefined) {
      if (number > kept.number) Object.assign(kept, { number, used: 0 });
      return kept;
    }
    if (this.#windows.size >= this.#clearAt) this.#clear();
    const made = { number, used: 0, windowMs };
    this.#windows.set(key, made);
    return made;
  }

  /** What has ended says nothing any more. */
  #clear(): void {
    const now = this.#startedAt + this.#clock.monotonic();
    for (const [key, { number, windowMs }] of this.#windows) if ((number + 1) * windowMs <= now) this.#windows.delete(key);
    this.#clearAt = Math.max(CLEAR_AT, this.#windows.size * 2);
  }
}
