import { KeyholdError } from '../../ports/errors.ts';
import type { Soon } from '../../ports/soon.ts';
import { HeldCounter } from './held-counter.ts';
import type { LeaseWay } from './lease-way.ts';
import { LimitReached, type LimitState, type LimitStates } from './limit-reached.ts';
import { type LimitRule, windowMs } from './rules.ts';
import { WindowCounter } from './window-counter.ts';

const TIDY_EVERY_MS = 100;
/** One who is overtaken again and again by others is told to wait. */
const ATTEMPTS = 8;
/** Counters of windows that are over are cleared out when there are so many. */
const CLEAR_AT = 10_000;

export interface RateLedgerDependencies {
  readonly way: LeaseWay;
  /** This process's name, new at each start. */
  readonly holder: string;
}

/** What is taken of one limit. */
interface Taken {
  readonly rule: LimitRule;
  readonly counter: WindowCounter | HeldCounter;
  readonly amount: number;
  readonly window: number;
}

/** A request that limits let through, and its parts of them. */
export interface Admission {
  /** Once, when the request is over: `tokens` it has used in the end, undefined where no provider was called. */
  end(tokens: number | undefined): void;
  states(): LimitStates;
}

/** Takes every request's part of all limits that hold for it, without waiting where a part is in hand. */
export class RateLedger {
  readonly #way: LeaseWay;
  readonly #holder: string;
  readonly #counters = new Map<string, WindowCounter | HeldCounter>();
  readonly #toTidy = new Map<string, LimitRule>();
  #isWaitingToTidy = false;
  #clearAt = CLEAR_AT;

  constructor({ way, holder }: RateLedgerDependencies) {
    this.#way = way;
    this.#holder = holder;
  }

  /**
   * Takes one request, so many tokens (an estimate, put right at the end) and a place among those that are open, of all these limits or of none. Throws, or
   * rejects with, `LimitReached`. A request that is larger than a limit takes all of it.
   */
  admit(rules: readonly LimitRule[], tokens: number): Soon<Admission> {
    return this.#admit(rules, tokens, 0);
  }

  #admit(rules: readonly LimitRule[], tokens: number, attempt: number): Soon<Admission> {
    const now = this.#way.now();
    let waits: Promise<void>[] | undefined;
    for (const rule of rules) {
      const counter = this.#counterOf(rule);
      let ready = this.#ready(counter, rule, tokens, now);
      if (ready === 'ask') {
        const max = this.#way.partOf(rule.max);
        const asked = counter instanceof HeldCounter ? counter.ask(max) : counter.ask(this.#amountOf(rule, tokens), max);
        if (asked instanceof Promise) (waits ??= []).push(asked);
        else if (this.#ready(counter, rule, tokens, now) !== 'yes') ready = 'full';
      }
      if (ready === 'full') throw this.#reached(rule, counter, rules, tokens, now);
    }
    if (waits === undefined) return this.#take(rules, tokens);
    if (attempt === ATTEMPTS) throw new KeyholdError('rate_limited', 'Too many requests came at the same time to tell whether a limit allows this one. Send it again.', { retryAfterSeconds: 1 });
    return Promise.all(waits).then(() => this.#admit(rules, tokens, attempt + 1));
  }

  #ready(counter: WindowCounter | HeldCounter, rule: LimitRule, tokens: number, now: number) {
    const max = this.#way.partOf(rule.max);
    return counter instanceof HeldCounter ? counter.ready(max, now) : counter.ready(this.#amountOf(rule, tokens), max, now);
  }

  #take(rules: readonly LimitRule[], tokens: number): Admission {
    const taken = rules.map((rule): Taken => {
      const counter = this.#counterOf(rule);
      const amount = this.#amountOf(rule, tokens);
      if (counter instanceof HeldCounter) counter.take();
      else counter.take(amount, this.#way.partOf(rule.max));
      if (this.#way.asksOthers || counter instanceof HeldCounter) this.#tidyLater(rule);
      return { rule, counter, amount, window: counter instanceof HeldCounter ? 0 : counter.window };
    });
    let isOver = false;
    return {
      end: (used) => {
        if (isOver) return;
        isOver = true;
        for (const part of taken) this.#settle(part, used ?? 0);
      },
      states: () => this.#states(rules, this.#way.now()),
    };
  }

  #settle({ rule, counter, amount, window }: Taken, used: number): void {
    if (counter instanceof HeldCounter) counter.leave();
    else if (rule.kind !== 'tokens' || used === amount) return;
    else if (used < amount) counter.putBack(amount - used, window);
    else counter.charge(used - amount);
    this.#tidyLater(rule);
  }

  #reached(rule: LimitRule, counter: WindowCounter | HeldCounter, rules: readonly LimitRule[], tokens: number, now: number): LimitReached {
    const waitMs = counter instanceof HeldCounter ? 0 : counter.endsIn(now);
    const left = counter.remaining(this.#way.partOf(rule.max), now);
    return new LimitReached(rule, { waitMs, left, needed: this.#amountOf(rule, tokens) }, this.#states(rules, now));
  }

  #states(rules: readonly LimitRule[], now: number): LimitStates {
    return { requests: this.#tightest(rules, 'requests', now), tokens: this.#tightest(rules, 'tokens', now) };
  }

  #tightest(rules: readonly LimitRule[], kind: LimitRule['kind'], now: number): LimitState | undefined {
    let found: LimitState | undefined;
    for (const rule of rules) {
      const counter = rule.kind === kind ? this.#counterOf(rule) : undefined;
      if (counter === undefined || counter instanceof HeldCounter) continue;
      const remaining = counter.remaining(this.#way.partOf(rule.max), now);
      if (found === undefined || remaining < found.remaining) found = { max: rule.max, remaining, resetMs: counter.endsIn(now) };
    }
    return found;
  }

  #counterOf({ key, per }: LimitRule): WindowCounter | HeldCounter {
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    if (this.#counters.size >= this.#clearAt) this.#clear();
    const made = per === null ? new HeldCounter(this.#way, key, this.#holder) : new WindowCounter(this.#way, key, windowMs[per]);
    this.#counters.set(key, made);
    return made;
  }

  #clear(): void {
    const now = this.#way.now();
    for (const [key, counter] of this.#counters) if (!this.#toTidy.has(key) && counter.isOver(now)) this.#counters.delete(key);
    this.#clearAt = Math.max(CLEAR_AT, this.#counters.size * 2);
  }

  #tidyLater(rule: LimitRule): void {
    this.#toTidy.set(rule.key, rule);
    this.#tidySoon();
  }

  #tidySoon(): void {
    if (this.#isWaitingToTidy) return;
    this.#isWaitingToTidy = true;
    setTimeout(() => {
      this.#isWaitingToTidy = false;
      this.#tidy();
    }, TIDY_EVERY_MS).unref();
  }

  #tidy(): void {
    const now = this.#way.now();
    for (const [key, rule] of this.#toTidy) if (this.#counterOf(rule).tidy(this.#way.partOf(rule.max), now)) this.#toTidy.delete(key);
    if (this.#toTidy.size > 0) this.#tidySoon();
  }

  /** What is larger than a limit takes all of it. */
  #amountOf({ kind, max }: LimitRule, tokens: number): number {
    return kind === 'tokens' ? Math.min(tokens, this.#way.partOf(max)) : 1;
  }
}
