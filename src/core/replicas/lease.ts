import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { LeaseRecord, LeaseRepository } from '../../ports/metadata/leases.ts';
import type { Stored } from '../../ports/metadata/stored.ts';

/** Writes that are tried before others are left to be faster: one of ours whose answer was lost explains the first refusal. */
const TRIES = 3;

export interface LeaseOptions {
  readonly leases: LeaseRepository;
  readonly name: string;
  /** This process and no other, ever. */
  readonly replica: string;
  readonly clock: Clock;
  /** Milliseconds for which a holder may stand still. */
  readonly termMs: number;
  /** Nobody else can be using this database: whoever is in the record is dead. */
  readonly alone: () => boolean;
}

/** A moment by both clocks. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

interface Held {
  readonly stored: Stored<LeaseRecord>;
  /** Before the write that was confirmed last was sent: whoever waits for a whole term has begun to wait after it. */
  readonly since: Moment;
}

/** What is told of the job besides who does it. */
export type LeaseNotes = Partial<Pick<LeaseRecord, 'lastRun' | 'nextRunAt'>>;

/**
 * One job's lease, as one replica sees it. To be tended at least each third of the term. No time from the database or another machine decides: it is
 * taken over by whoever saw the same revision for a whole term by its own monotonic clock, and its holder stops within a term of its last
 * renewal by its own. A holder that stood still for longer finds that out by `isHeld`, before it writes, and what it writes all the same is
 * compare-and-set: a lease saves work, it is not what keeps two writers apart.
 */
export class Lease {
  readonly name: string;
  readonly #options: LeaseOptions;
  #held: Held | undefined;
  #known: LeaseRecord | undefined;
  #seen: { readonly revision: number; readonly since: number } | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /**
   * Whether nobody else can have taken it over. A wall clock that ran on for a term says no as well, since a machine that was suspended does not
   * always count that in its monotonic clock; the next renewal finds out.
   */
  get isHeld(): boolean {
    if (this.#held === undefined) return false;
    const { since } = this.#held;
    const { clock, termMs } = this.#options;
    return clock.monotonic() - since.monotonic < termMs && clock.now() - since.wall < termMs;
  }

  /** What the record said when it was looked at last; undefined before. */
  get record(): LeaseRecord | undefined {
    return this.#known;
  }

  /**
   * Renews it, with these notes in it, or looks whether it can be taken. Gives `isHeld`. Throws what the database throws; nothing is lost by that
   * within the term.
   */
  async tend(notes: LeaseNotes = {}): Promise<boolean> {
    return this.#alone(async () => {
      if (this.#held === undefined) await this.#look();
      else await this.#renew(notes);
      return this.isHeld;
    });
  }

  /** Lets it go, so that another takes it at once. Throws as `tend`: then another takes it after a term. */
  async release(notes: LeaseNotes = {}): Promise<void> {
    await this.#alone(async () => {
      if (this.#held === undefined) return;
      const { stored } = this.#held;
      this.#held = undefined;
      try {
        await this.#options.leases.replace({ name: this.name }, { ...stored.record, ...notes, holder: null, nextRunAt: null }, stored.revision);
      } catch (error) {
        if (!isCode(error, 'conflict')) throw error;
      }
    });
  }

  async #look(): Promise<void> {
    const { leases, replica, termMs } = this.#options;
    const key = { name: this.name };
    const found = await leases.get(key);
    this.#known = found?.record;
    const since = this.#now();
    try {
      if (found === undefined) this.#held = { stored: await leases.create(key, { holder: replica, termMs, lastRun: null, nextRunAt: null }), since };
      else if (this.#isFree(found, since)) this.#held = { stored: await leases.replace(key, { ...found.record, holder: replica, termMs, nextRunAt: null }, found.revision), since };
      if (this.#held === undefined) return;
      this.#known = this.#held.stored.record;
      this.#seen = undefined;
    } catch (error) {
      // Another was faster.
      if (!isCode(error, 'conflict') && !isCode(error, 'already_exists')) throw error;
    }
  }

  /** `holder` is ourselves when the answer to our taking it was lost. */
  #isFree({ record: { holder, termMs }, revision }: Stored<LeaseRecord>, { monotonic }: Moment): boolean {
    const { replica, alone } = this.#options;
    if (holder === null || holder === replica || alone()) return true;
    if (this.#seen?.revision !== revision) this.#seen = { revision, since: monotonic };
    return monotonic - this.#seen.since >= termMs;
  }

  /** Only a write tells whether it is still ours, since another may take it at any moment. */
  async #renew(notes: LeaseNotes): Promise<void> {
    const { leases, replica } = this.#options;
    for (let tries = 1; this.#held !== undefined; tries += 1) {
      const since = this.#now();
      const { record, revision } = this.#held.stored;
      try {
        this.#held = { stored: await leases.replace({ name: this.name }, { ...record, ...notes }, revision), since };
        this.#known = this.#held.stored.record;
        return;
      } catch (error) {
        if (!isCode(error, 'conflict')) throw error;
        const found = await leases.get({ name: this.name });
        this.#known = found?.record;
        this.#held = found?.record.holder === replica && tries < TRIES ? { stored: found, since: this.#held.since } : undefined;
      }
    }
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { monotonic: clock.monotonic(), wall: clock.now() };
  }

  /** One after the other, so that none of our writes is in the way of another. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

function isCode(error: unknown, code: KeyholdError['code']): boolean {
  return error instanceof KeyholdError && error.code === code;
}
