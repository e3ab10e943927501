import { HELD_MS } from '../../ports/limit-leases.ts';
import type { Soon } from '../../ports/soon.ts';
import type { LeaseWay } from './lease-way.ts';
import type { Ready } from './window-counter.ts';

/** So much of a limit may be held for what may come. */
const SPARE_OF_MAX = 128;
const ASK_AGAIN_MS = 100;
/** What is held is said again four times before it is forgotten. */
const SAY_AGAIN_MS = HELD_MS / 4;

/** How many of one thing are open in this process, and how many may be. */
export class HeldCounter {
  readonly #way: LeaseWay;
  readonly #key: string;
  readonly #holder: string;
  #open = 0;
  #held = 0;
  #saidAt = -Infinity;
  #fullUntil = -Infinity;
  #waiting = 0;
  #said = 0;
  #flight: Promise<void> | undefined;

  constructor(way: LeaseWay, key: string, holder: string) {
    this.#way = way;
    this.#key = key;
    this.#holder = holder;
  }

  ready(max: number, now: number): Ready {
    if (this.#way.isAway(now)) return this.#open < this.#way.shareOf(max) ? 'yes' : 'full';
    if (this.#open < this.#held && now - this.#saidAt < HELD_MS) return 'yes';
    return now < this.#fullUntil ? 'full' : 'ask';
  }

  /** After `ready` has said yes, in the same turn. */
  take(): void {
    this.#open += 1;
  }

  leave(): void {
    this.#open -= 1;
    this.#fullUntil = -Infinity;
  }

  /** Waits until somebody has answered, or could not; then `ready` tells. */
  ask(max: number): Soon<void> {
    this.#waiting += 1;
    if (!this.#way.asksOthers) return this.#say(max);
    return (this.#flight ??= this.#track(Promise.resolve().then(() => this.#say(max))));
  }

  remaining(max: number, now: number): number {
    return Math.max(0, (this.#way.isAway(now) ? this.#way.shareOf(max) : max) - this.#open);
  }

  /** Says again what is held, and gives back what is not open. Tells whether nothing is left to do. */
  tidy(max: number, now: number): boolean {
    if (this.#open === 0 && this.#held === 0) return true;
    const spare = this.#way.asksOthers ? Math.floor(max / SPARE_OF_MAX) : 0;
    const isDue = this.#held > this.#open + spare || (this.#open === 0 && this.#held > 0) || now - this.#saidAt >= SAY_AGAIN_MS;
    if (isDue && this.#flight === undefined && !this.#way.isAway(now)) this.#flight = this.#track(this.#say(max));
    return false;
  }

  isOver(): boolean {
    return this.#open === 0 && this.#held === 0 && this.#flight === undefined;
  }

  async #track(said: Soon<void>): Promise<void> {
    await said;
    this.#flight = undefined;
    this.#waiting = 0;
  }

  #say(max: number): Soon<void> {
    const waiting = this.#waiting;
    this.#waiting = 0;
    const spare = waiting > 0 && this.#way.asksOthers ? Math.floor(max / SPARE_OF_MAX) : 0;
    const want = this.#open + waiting + spare;
    // What is given back is not taken any more while that is on its way.
    this.#held = Math.min(this.#held, want);
    const sentAt = this.#way.now();
    this.#said += 1;
    const number = this.#said;
    const told = this.#way.held({ key: this.#key, max, holder: this.#holder, open: this.#open, want }, (count) => {
      // What comes late tells of what was.
      if (number !== this.#said) return;
      this.#held = count;
      this.#saidAt = sentAt;
      this.#fullUntil = waiting > 0 && count <= this.#open ? this.#way.now() + ASK_AGAIN_MS : -Infinity;
    });
    return told instanceof Promise ? told.then(() => undefined) : undefined;
  }
}
