import type { Clock } from '../../ports/clock.ts';
import type { HeldAsk, LimitLeases, WindowAnswer, WindowAsk } from '../../ports/limit-leases.ts';
import type { Soon } from '../../ports/soon.ts';

/** How long a request waits for its part of a limit, in milliseconds. Where the first process is gone its workers are, too, so it is only slow. */
const PATIENCE_MS = { process: 0, workers: 2_000, redis: 500 } as const satisfies Record<LimitLeases['kind'], number>;
/** After somebody could not be asked it is tried again so often, by one ask that nobody waits for. */
const TRY_AGAIN_MS = 1_000;

export interface LeaseWayDependencies {
  readonly leases: LimitLeases;
  readonly clock: Clock;
  /** How many processes there are, and how many of them ask at this `leases`; this one included, as far as is known. */
  readonly processes: () => { readonly all: number; readonly asking: number };
}

/** The way to whoever gives out parts of limits, and whether it is open. While it is not, each process has its own share of every limit. */
export class LeaseWay {
  readonly #leases: LimitLeases;
  readonly #clock: Clock;
  readonly #processes: LeaseWayDependencies['processes'];
  readonly #startedAt: number;
  #awayUntil = -Infinity;
  #isAway = false;

  constructor({ leases, clock, processes }: LeaseWayDependencies) {
    this.#leases = leases;
    this.#clock = clock;
    this.#processes = processes;
    this.#startedAt = clock.now() - clock.monotonic();
  }

  /** Others ask there, too, and an answer takes a moment. */
  get asksOthers(): boolean {
    return this.#leases.kind !== 'process';
  }

  now(): number {
    return this.#clock.monotonic();
  }

  /** The wall clock as it was at the start, carried on: nobody sets it. */
  wallAt(now: number): number {
    return this.#startedAt + now;
  }

  /** Whether nobody can be asked now. */
  isAway(now: number): boolean {
    if (this.#isAway && now >= this.#awayUntil) this.#tryAgain(now);
    return this.#isAway;
  }

  /** What the processes that ask there have together of a limit: all of it in Redis, where everybody asks; else a share by their number. */
  partOf(max: number): number {
    if (this.#leases.kind === 'redis') return max;
    const { all, asking } = this.#processes();
    return all <= asking ? max : Math.max(1, Math.floor((max * asking) / all));
  }

  /** This process's share while each is on its own: neither nothing, nor more than all of it. */
  shareOf(max: number): number {
    const { all, asking } = this.#processes();
    return Math.max(1, Math.floor(max / (this.#leases.kind === 'redis' ? all : asking)));
  }

  /** Resolves with whether an answer came in time; `take` is given it, also when it is late. */
  window(ask: WindowAsk, take: (answer: WindowAnswer) => void): Soon<boolean> {
    return this.#told(() => this.#leases.window(ask), take);
  }

  held(ask: HeldAsk, take: (count: number) => void): Soon<boolean> {
    return this.#told(() => this.#leases.held(ask), take);
  }

  #told<A>(asked: () => Soon<A>, take: (answer: A) => void): Soon<boolean> {
    const answer = asked();
    if (!(answer instanceof Promise)) {
      take(answer);
      return true;
    }
    return new Promise((resolve) => {
      const lost = (): void => {
        this.#isAway = true;
        this.#awayUntil = this.#clock.monotonic() + TRY_AGAIN_MS;
        resolve(false);
      };
      const late = setTimeout(lost, PATIENCE_MS[this.#leases.kind]).unref();
      answer.then(
        (given) => {
          clearTimeout(late);
          take(given);
          this.#isAway = false;
          resolve(true);
          return undefined;
        },
        () => {
          clearTimeout(late);
          lost();
          return undefined;
        },
      );
    });
  }

  /** An ask that changes nothing. */
  #tryAgain(now: number): void {
    this.#awayUntil = now + TRY_AGAIN_MS;
    void this.window({ key: 'trial', windowMs: 1_000, max: 1, need: 0, surplus: 0, back: { window: -1, amount: 0 }, beyond: 0 }, () => undefined);
  }
}
