import { Lease } from '../core/replicas/lease.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { LeaseRepository } from '../ports/metadata/leases.ts';
import { JobLoop } from './job-loop.ts';
import type { LeasedJob } from './leased-job.ts';

/** How long the holder of a job may stand still before another replica takes it over. */
export const LEASE_TERM_MS = 30_000;
/** Renewals in a term: two may fail. */
const TENDED_PER_TERM = 3;

export interface LeasedJobsOptions {
  readonly leases: LeaseRepository;
  readonly jobs: readonly LeasedJob[];
  readonly replica: string;
  /** Nobody else can be using the database, so that what a dead process held is taken at once. */
  readonly alone: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly termMs?: number | undefined;
}

/** The jobs that are done once over all replicas, as far as they are done here. Does not keep the process alive. */
export class LeasedJobs {
  readonly #loops: readonly JobLoop[];
  readonly #tendEveryMs: number;
  readonly #sayWho: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ leases, jobs, replica, alone, clock, log, termMs = LEASE_TERM_MS }: LeasedJobsOptions) {
    this.#loops = jobs.map((job) => new JobLoop({ job, lease: new Lease({ leases, name: job.name, replica, clock, termMs, alone }), replica, clock, log }));
    this.#tendEveryMs = termMs / TENDED_PER_TERM;
    this.#sayWho = () => log.info('replica_named', 'By this name the list of jobs (GET /api/v1/jobs) knows this process', { replica });
  }

  /** Resolves when it is known of each job whether it is done here. */
  async start(): Promise<void> {
    this.#sayWho();
    // All in one tick, so that a database with group commit writes them together.
    this.#timer ??= setInterval(() => void this.#tend(), this.#tendEveryMs).unref();
    await this.#tend();
  }

  /** Work has come for this job: looks at once, where it is done here. */
  wake(name: string): void {
    this.#loops.find((loop) => loop.name === name)?.wake();
  }

  /** Resolves when nothing is under way any more and others can take the jobs at once. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  async #tend(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.tend()));
  }
}
