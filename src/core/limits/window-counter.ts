import type { Soon } from '../../ports/soon.ts';
import type { LeaseWay } from './lease-way.ts';

/** What one process has in hand beyond what it needs is at most this part of a limit: so much of it can lie unused. */
const SURPLUS_OF_MAX = 128;
/** Before it is asked again whether something was given back, in milliseconds. */
const ASK_AGAIN_MS = 100;

/** `yes`: may be taken now; `full`: the limit is used up; `ask`: nothing is in hand, and somebody has to be asked. */
export type Ready = 'yes' | 'full' | 'ask';

/** A share of one limit's current window in this process: takes from what it has in hand, and asks for more before that is gone. */
export class WindowCounter {
  readonly #way: LeaseWay;
  readonly #key: string;
  readonly #windowMs: number;
  #window = -1;
  /** On this process's clock that only grows, never later than on the clock of whoever was asked. */
  #endsAt = -Infinity;
  #inHand = 0;
  #used = 0;
  #left = 0;
  /** Taken while nobody could be asked. */
  #untold = 0;
  #beyond = 0;
  #takenSinceAsked = 0;
  #fullUntil = -Infinity;
  #sent = 0;
  #answered = 0;
  #waiting = 0;
  #flight: Promise<void> | undefined;
  #isIdle = false;

  constructor(way: LeaseWay, key: string, windowMs: number) {
    this.#way = way;
    this.#key = key;
    this.#windowMs = windowMs;
  }

  ready(amount: number, max: number, now: number): Ready {
    if (now >= this.#endsAt) this.#turn(now);
    if (this.#inHand >= amount) return 'yes';
    if (this.#way.isAway(now)) return this.#used + amount <= this.#way.shareOf(max) ? 'yes' : 'full';
    return now < this.#fullUntil ? 'full' : 'ask';
  }

  /** After `ready` has said yes, in the same turn. */
  take(amount: number, max: number): void {
    this.#isIdle = false;
    this.#used += amount;
    this.#takenSinceAsked += amount;
    if (this.#inHand < amount) {
      this.#untold += amount;
      return;
    }
    this.#inHand -= amount;
    if (this.#way.asksOthers && this.#inHand < this.#surplus(max) / 2 && this.#flight === undefined) void this.#fly(max);
  }

  /** Waits until somebody has answered, or could not; then `ready` tells. */
  ask(amount: number, max: number): Soon<void> {
    this.#waiting += amount;
    if (!this.#way.asksOthers) return this.#send(max, this.#needed());
    return (this.#flight ??= this.#fly(max));
  }

  /** Less was used than was taken in that window. */
  putBack(amount: number, window: number): void {
    if (window !== this.#window) return;
    const untold = Math.min(this.#untold, amount);
    this.#untold -= untold;
    this.#inHand += amount - untold;
    this.#used = Math.max(0, this.#used - amount);
  }

  /** More was used than was taken. */
  charge(amount: number): void {
    const inHand = Math.min(this.#inHand, amount);
    this.#inHand -= inHand;
    this.#beyond += amount - inHand;
    this.#used += amount;
    this.#left = Math.max(0, this.#left - (amount - inHand));
  }

  get window(): number {
    return this.#window;
  }

  /** What is left of the limit, as far as is known here. */
  remaining(max: number, now: number): number {
    if (now >= this.#endsAt) return max;
    return Math.max(0, this.#way.isAway(now) ? this.#way.shareOf(max) - this.#used : this.#left + this.#inHand);
  }

  /** Milliseconds until the window ends. */
  endsIn(now: number): number {
    return Math.max(0, Math.min(this.#endsAt - now, this.#windowMs));
  }

  /** Gives back what nobody has wanted since it was called last, and tells what is untold. Tells whether there is nothing left to do. */
  tidy(max: number, now: number): boolean {
    if (now >= this.#endsAt) this.#turn(now);
    const isOwing = this.#untold > 0 || this.#beyond > 0;
    if (!isOwing && (this.#inHand === 0 || !this.#way.asksOthers)) return true;
    const isIdle = this.#isIdle;
    this.#isIdle = true;
    if ((isIdle || isOwing) && this.#flight === undefined && !this.#way.isAway(now)) this.#flight = this.#track(this.#send(max, 0, isIdle));
    return false;
  }

  /** Nothing of it is needed any more. */
  isOver(now: number): boolean {
    return now >= this.#endsAt + this.#windowMs && this.#flight === undefined && this.#beyond === 0;
  }

  /** All that are asking in this moment are asked for together. */
  #fly(max: number): Promise<void> {
    this.#flight = this.#track(Promise.resolve().then(() => this.#send(max, this.#needed())));
    return this.#flight;
  }

  async #track(sent: Soon<void>): Promise<void> {
    await sent;
    this.#flight = undefined;
    // Whoever has waited asks again for what it still needs.
    this.#waiting = 0;
  }

  #needed(): number {
    const waiting = this.#waiting;
    this.#waiting = 0;
    return Math.max(0, waiting - this.#inHand);
  }

  #send(max: number, need: number, givesBack = false): Soon<void> {
    const amount = (givesBack ? this.#inHand : 0) - this.#untold;
    const beyond = this.#beyond;
    const untold = this.#untold;
    if (givesBack) this.#inHand = 0;
    this.#untold = 0;
    this.#beyond = 0;
    const surplus = givesBack ? 0 : this.#surplus(max);
    this.#takenSinceAsked = 0;
    const sentAt = this.#way.now();
    this.#sent += 1;
    const number = this.#sent;
    const answered = this.#way.window({ key: this.#key, windowMs: this.#windowMs, max, need, surplus, back: { window: this.#window, amount }, beyond }, (answer) => {
      // What was sent before something else that has been answered tells of what was.
      if (number < this.#answered) return;
      this.#answered = number;
      const isNew = answer.window !== this.#window;
      if (isNew) {
        this.#window = answer.window;
        this.#inHand = 0;
        this.#used = 0;
      }
      this.#endsAt = sentAt + answer.leftMs;
      this.#inHand += answer.granted;
      this.#left = answer.left;
      this.#fullUntil = answer.granted < need ? Math.min(this.#endsAt, this.#way.now() + ASK_AGAIN_MS) : -Infinity;
    });
    const settled = (isTold: boolean): void => {
      if (isTold) return;
      // It may have arrived all the same; then it counts twice, which is the safe side.
      this.#untold += untold;
      this.#beyond += beyond;
    };
    return answered instanceof Promise ? answered.then(settled) : settled(answered);
  }

  #surplus(max: number): number {
    return Math.min(Math.floor(max / SURPLUS_OF_MAX), 2 * this.#takenSinceAsked);
  }

  /** The window has ended here. Who can be asked says what comes then; else the next one follows upon it, or upon this process's own clock. */
  #turn(now: number): void {
    this.#inHand = 0;
    this.#untold = 0;
    if (!this.#way.isAway(now)) return;
    this.#used = 0;
    const wall = this.#way.wallAt(now);
    const known = this.#window >= 0 && Number.isFinite(this.#endsAt);
    const passed = known ? Math.floor((now - this.#endsAt) / this.#windowMs) + 1 : 0;
    this.#window = known ? this.#window + passed : Math.floor(wall / this.#windowMs);
    this.#endsAt = known ? this.#endsAt + passed * this.#windowMs : now + this.#windowMs - (wall % this.#windowMs);
  }
}
