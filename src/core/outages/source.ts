import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { StoreHealth } from '../../ports/secret-store.ts';
import { outageRule } from '../resolution/stale-table.ts';
import { backoffMs, fullJitterMs } from './backoff.ts';
import { inTime, NotInTime } from './in-time.ts';
import { RetryBudget } from './retry-budget.ts';
import type { StaleReport } from './stale-report.ts';

/** So many failures in a row, and nobody waits for it any more. */
const FAILURES_BEFORE_AWAY = 3;
/** Between two trials of a source that is away: full jitter, so that replicas do not come back together. */
const TRIALS = { firstMs: 500, factor: 2, mostMs: 5_000 };
/** Repeats of a read that failed. */
const REPEATS = { firstMs: 50, factor: 3, mostMs: 150 };
const REPEATS_AT_MOST = 2;
/** Before the same thing is read again that could not be read: growing where it is not found out for all at once, so that an outage makes no more reads of many keys. */
const PAUSE = { firstMs: 2_000, factor: 2, mostMs: 30_000 };
/** Adapters give up sooner (S20: 5 s); this is for one that hangs, so that its trial ends. */
const LONGEST_READ_MS = 15_000;
/** How long a request waits for a read before it asks whether anybody is there, and how long for the answer to that. Together less than a second. */
const PATIENCE_MS = 300;
const SIGN_OF_LIFE_MS = 600;
/** A process that runs so much late has not listened: then silence says nothing of the other side. */
const LATE_MS = 150;
/** Reads in the background while a source is slow, or has just come back: what was away is not met by everybody at once. */
const AT_ONCE = 8;
/** How long nobody waits after a read was slow or failed. */
const AFTER_TROUBLE_MS = 5_000;
/** How long nobody waits after an outage: so long, and while somebody still found no turn a moment ago longer, up to a bound. */
const AFTER_OUTAGE_MS = 2_000;
const NO_TURN_MS = 500;
const LONGEST_RETURN_MS = 15_000;
/** So soon after it said that it is alive it has not gone away anew. */
const MISLED_MS = 30_000;
/** How long it counts as serving beyond its time after something of it did: longer than a request takes from its first look-up to its last. */
const AFTER_OUTLIVED_MS = 20_000;

/** Whether somebody is there; `refuses`: who does not let us in. */
export type SignOfLife = boolean | 'refuses';

export interface SourceOptions {
  /** As operators know it: `database`, `vault`, … */
  readonly name: string;
  /** How long what was read from it may serve when it cannot be read again, counted from its last confirmation; 0: not at all. */
  readonly staleLimitMs: number;
  /** A cheap question to it. Resolves false, or rejects, when nobody is there who could serve. */
  readonly isAlive: () => Promise<SignOfLife>;
  /** What reading from it needs besides: the audit log's database. */
  readonly needs?: Source | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly report: StaleReport;
  /** Told whenever something of it serves beyond its time. */
  readonly onOutlived?: (source: Source) => void;
}

/**
 * A place that caches read from, a secret store or the database, and how it is: a breaker that is asked without waiting. Well: reads go through. Troubled (slow,
 * failing, or just back): what is cached serves at once and is read again in the background, a few at a time. Away: one trial at a time, and nobody waits.
 * One that refuses is not away, and nothing outlives its time; that holds through an outage, until it lets us in again.
 *
 * The adapters of the vaults have a rest of their own below this, which spares a vault everything, also sign-ins and writes; here it is decided who waits.
 */
export class Source {
  readonly name: string;
  readonly staleLimitMs: number;
  readonly needs: Source | undefined;
  readonly #isAlive: SourceOptions['isAlive'];
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #report: StaleReport;
  readonly #onOutlived: (source: Source) => void;
  readonly #budget = new RetryBudget();
  #failures = 0;
  #isAway = false;
  #refuses = false;
  /** When it was last let through because it says that it is alive, if it has answered no read since. */
  #letThroughAt = -Infinity;
  /** It says that it is alive, and answers no read. */
  #misleads = false;
  #trials = 0;
  #nextTrialAt = 0;
  #troubledUntil = -Infinity;
  #backAt = -Infinity;
  #noTurnAt = -Infinity;
  #outlivedAt = -Infinity;
  #reading = 0;
  #lastAnswerAt = -Infinity;
  #sign: Promise<boolean> | undefined;

  constructor({ name, staleLimitMs, isAlive, needs, clock, random, report, onOutlived }: SourceOptions) {
    this.name = name;
    this.staleLimitMs = staleLimitMs;
    this.needs = needs;
    this.#isAlive = isAlive;
    this.#clock = clock;
    this.#random = random;
    this.#report = report;
    this.#onOutlived = onOutlived ?? (() => undefined);
  }

  /** Known to be away: nobody waits for it. */
  get isAway(): boolean {
    return this.#isAway || this.needs?.isAway === true;
  }

  /** The last that it said was that it does not let us in. */
  get refuses(): boolean {
    return this.#refuses;
  }

  /** Away, slow, failing, or back since a moment. */
  get isTroubled(): boolean {
    const now = this.#clock.monotonic();
    return this.#isAway || now < this.#troubledUntil || this.#isReturning(now) || this.needs?.isTroubled === true;
  }

  /** Something of it serves beyond its time, or did a moment ago. */
  get isOutlived(): boolean {
    return this.#clock.monotonic() - this.#outlivedAt < AFTER_OUTLIVED_MS;
  }

  /** Whether one read may begin for which nobody waits, or which tries whether the source is back; `turnOver` ends it. */
  turn(): boolean {
    if (this.needs?.isAway === true) return false;
    const now = this.#clock.monotonic();
    if (this.#isAway ? this.#reading > 0 || now < this.#nextTrialAt : this.#reading >= AT_ONCE) {
      this.#noTurnAt = now;
      return false;
    }
    this.#reading += 1;
    return true;
  }

  turnOver(): void {
    this.#reading -= 1;
  }

  /**
   * Reads, once or twice more where a repeat may help, and notes how that went. Throws what the read throws, and `unavailable` where it does
   * not end at all.
   */
  async run<T>(read: () => Promise<T>): Promise<T> {
    this.#budget.called();
    for (let repeat = 1; ; repeat += 1) {
      const startedAt = this.#clock.monotonic();
      try {
        const result = await inTime(read(), LONGEST_READ_MS);
        this.#answered(startedAt);
        return result;
      } catch (thrown) {
        const error = thrown instanceof NotInTime ? this.awayError('timeout') : thrown;
        const rule = outageRule(error);
        this.#failed(rule.opens, rule.stale, startedAt);
        this.heard(error);
        if (!rule.repeat || this.isAway || repeat > REPEATS_AT_MOST || !this.#budget.take()) throw this.#refuses ? asRefusal(error) : error;
        await sleep(fullJitterMs(repeat, REPEATS, this.#random));
      }
    }
  }

  /** How long not to read the same thing again that could not be read so often in a row. */
  retryPauseMs(failures: number): number {
    return backoffMs(failures, PAUSE, this.#random);
  }

  /** What the read comes to, if it does before patience ends; otherwise rejects with `NotInTime`. */
  inPatience<T>(reading: Promise<T>): Promise<T> {
    return inTime(reading, PATIENCE_MS);
  }

  /** What the read comes to, as long as it takes while the source gives signs of life; `unavailable` within a second otherwise. */
  async whileAlive<T>(reading: Promise<T>): Promise<T> {
    try {
      return await inTime(reading, PATIENCE_MS);
    } catch (error) {
      if (!(error instanceof NotInTime)) throw error;
    }
    return (await this.#givesSignOfLife()) ? reading : Promise.reject(this.awayError('timeout'));
  }

  /** Nobody waits for it for a while. */
  isSlow(): void {
    this.#troubleFor(AFTER_TROUBLE_MS);
  }

  /** Something of it serves beyond its time just now. */
  outlived(): void {
    this.#outlivedAt = this.#clock.monotonic();
    this.#onOutlived(this);
  }

  /** It was asked something that no read needs, and this came of it: that it lets nobody in holds for all, until a read comes through. */
  heard(error: unknown): void {
    if (asKeyholdError(error).outage === 'refused') this.#refuses = true;
  }

  /** Somebody has asked it how it is, and it is there: reads are let through again, and find out whether that is so. It is believed until reads say otherwise. */
  seenAlive(sign: Exclude<SignOfLife, false> = true): void {
    if (sign === 'refuses') this.#refuses = true;
    if (!this.#isAway || this.#misleads) return;
    this.#letThroughAt = this.#clock.monotonic();
    this.#isBack();
  }

  /** A request was served with something that this source last confirmed so long ago. */
  servedStale(ageMs: number): void {
    (this.#isAway || this.needs === undefined || !this.needs.isAway ? this.#report : this.needs.#report).note(ageMs);
  }

  awayError(outage: 'timeout' | 'resting' = 'resting'): KeyholdError {
    const culprit = !this.#isAway && this.needs?.isAway === true ? this.needs.name : this.name;
    return new KeyholdError('unavailable', `${words[culprit] ?? 'The secret store'} does not answer now, and what this request needs is not known here. Try again in a moment.`, { retryAfterSeconds: 2, outage: this.#refuses ? 'refused' : outage });
  }

  async #givesSignOfLife(): Promise<boolean> {
    this.#sign ??= this.#ask().finally(() => (this.#sign = undefined));
    const [own, needed] = await Promise.all([this.#sign, this.needs === undefined ? true : this.needs.#givesSignOfLife()]);
    return own && needed;
  }

  async #ask(): Promise<boolean> {
    const startedAt = this.#clock.monotonic();
    const isAlive = (): Promise<SignOfLife> => inTime(this.#isAlive(), SIGN_OF_LIFE_MS).catch(() => false);
    const sign = (await isAlive()) || (this.#ranLate(startedAt) && (await isAlive()));
    if (sign === 'refuses') this.#refuses = true;
    if (sign !== false) {
      this.#troubleFor(AFTER_TROUBLE_MS);
      return true;
    }
    // A read that came through meanwhile says more than the silence.
    if (!this.#isAway && this.#lastAnswerAt < startedAt) this.#goAway();
    return false;
  }

  #ranLate(since: number): boolean {
    return this.#clock.monotonic() - since > SIGN_OF_LIFE_MS + LATE_MS;
  }

  #answered(startedAt: number): void {
    const now = this.#clock.monotonic();
    this.#failures = 0;
    this.#refuses = false;
    this.#lastAnswerAt = now;
    this.#trials = 0;
    this.#letThroughAt = -Infinity;
    this.#misleads = false;
    if (this.#isAway) this.#isBack();
    if (now - startedAt > PATIENCE_MS) this.#troubleFor(AFTER_TROUBLE_MS);
  }

  #failed(opens: boolean, isOutage: boolean, startedAt: number): void {
    if (!opens) {
      // What is said of one question alone, or to all for a moment, is for whoever asked it again.
      if (!isOutage) this.#answered(startedAt);
      return;
    }
    this.#failures += 1;
    this.#troubleFor(AFTER_TROUBLE_MS);
    if (this.#isAway || this.#failures >= FAILURES_BEFORE_AWAY) this.#goAway();
  }

  #isBack(): void {
    this.#isAway = false;
    this.#failures = 0;
    this.#backAt = this.#clock.monotonic();
  }

  #isReturning(now: number): boolean {
    return now - this.#backAt < AFTER_OUTAGE_MS || (now - this.#noTurnAt < NO_TURN_MS && now - this.#backAt < LONGEST_RETURN_MS);
  }

  #goAway(): void {
    const now = this.#clock.monotonic();
    this.#misleads ||= now - this.#letThroughAt < MISLED_MS;
    this.#isAway = true;
    this.#trials += 1;
    this.#nextTrialAt = now + fullJitterMs(this.#trials, TRIALS, this.#random);
  }

  #troubleFor(ms: number): void {
    this.#troubledUntil = Math.max(this.#troubledUntil, this.#clock.monotonic() + ms);
  }
}

/** How a store's health bears on whether reads of it may be waited for: one that refuses answers them. */
export function signOfLife({ connected, refuses }: StoreHealth): SignOfLife {
  return refuses === 'us' ? 'refuses' : connected || refuses !== undefined;
}

/** An outage after a refusal changes nothing: what may not serve does not because nobody is there now who could say so. */
function asRefusal(error: unknown): unknown {
  if (!outageRule(error).stale) return error;
  const { publicMessage, retryAfterSeconds } = asKeyholdError(error);
  return new KeyholdError('unavailable', publicMessage, { cause: error, outage: 'refused', ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

const words: Readonly<Record<string, string>> = { database: 'The database', 'own-vault': 'The tenant\'s own vault' };
