import type { Lease, LeaseNotes } from '../core/replicas/lease.ts';
import type { Clock } from '../ports/clock.ts';
import { asKeyholdError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import type { JobRun } from '../ports/metadata/leases.ts';
import type { LeasedJob } from './leased-job.ts';

export interface JobLoopOptions {
  readonly job: LeasedJob;
  readonly lease: Lease;
  readonly replica: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** One leased job on one replica: tends the lease, and runs the job, one run at a time, while that is held. */
export class JobLoop {
  readonly #options: JobLoopOptions;
  #tending: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isScheduled = false;
  /** Woken during a run, which may have looked before. */
  #runsAgain = false;
  #wasHeld = false;
  #isTroubled = false;
  #isStopped = false;
  /** What the next renewal tells others, so that a run makes no write of its own. */
  #notes: LeaseNotes = {};
  #toldOf: JobRun | null = null;

  constructor(options: JobLoopOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.job.name;
  }

  /** To be called each third of a term. Never rejects; one call that is still under way is waited for instead. */
  async tend(): Promise<void> {
    this.#tending ??= this.#tend().finally(() => {
      this.#tending = undefined;
    });
    await this.#tending;
  }

  /** Somebody knows of work: runs at once where the lease is here, after the run that is under way. */
  wake(): void {
    if (this.#options.lease.isHeld) this.#schedule(0);
  }

  /** No run begins any more. Resolves when the one that is under way has ended and the lease is let go. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#tending;
    // Where the database cannot be reached, another takes it over a term later.
    await this.#options.lease.release(this.#notes).catch(() => undefined);
  }

  async #tend(): Promise<void> {
    const { job, lease, log } = this.#options;
    const notes = this.#notes;
    try {
      const isHeld = await lease.tend(notes);
      if (this.#notes === notes) this.#notes = {};
      this.#isTroubled = false;
      if (isHeld && !this.#isScheduled && this.#running === undefined) this.#schedule(job.firstAfterMs ?? 0);
      if (!isHeld && this.#wasHeld) log.warn('job_taken_over', 'Another replica does this job now, since this one stood still for longer than it may', { name: job.name });
      this.#wasHeld = isHeld;
      if (!isHeld) this.#hear(lease.record?.lastRun ?? null);
    } catch (error) {
      if (!this.#isTroubled) log.warn('job_lease_unknown', 'Who does this job could not be found out; it rests until that is known', { name: job.name, error });
      this.#isTroubled = true;
    }
  }

  #hear(run: JobRun | null): void {
    const { job, replica } = this.#options;
    if (run === null || run.replica === replica || (run.replica === this.#toldOf?.replica && run.endedAt === this.#toldOf.endedAt)) return;
    this.#toldOf = run;
    job.told?.(run.counts);
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#isScheduled = true;
    this.#timer = setTimeout(() => this.#begin(), afterMs).unref();
    this.#notes = { ...this.#notes, nextRunAt: this.#options.clock.now() + afterMs };
  }

  #begin(): void {
    this.#isScheduled = false;
    if (this.#running !== undefined) {
      this.#runsAgain = true;
      return;
    }
    // The next tending that holds it schedules again.
    if (!this.#options.lease.isHeld) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    this.#runsAgain = false;
    const nextAfterMs = await this.#ran();
    this.#running = undefined;
    this.#schedule(this.#runsAgain ? 0 : nextAfterMs);
  }

  /** Gives the milliseconds to the next run. Never rejects. */
  async #ran(): Promise<number> {
    const { job, lease, replica, clock, log } = this.#options;
    const startedAt = clock.now();
    log.debug('job_began', 'A job begins', { name: job.name, replica });
    const done = (outcome: JobRun['outcome'], code: JobRun['code'], counts: JobRun['counts']): void => {
      this.#notes = { ...this.#notes, lastRun: { replica, startedAt, endedAt: clock.now(), outcome, code, counts } };
      log.debug('job_ended', 'A job has ended', { name: job.name, replica, durationMs: clock.now() - startedAt });
    };
    try {
      const counts = await job.run(() => !this.#isStopped && lease.isHeld);
      done('ok', null, counts ?? {});
      return job.everyMs;
    } catch (error) {
      log.warn(job.failure.event, job.failure.message, { error });
      done('failed', asKeyholdError(error).code, {});
      return job.afterFailureMs ?? job.everyMs;
    }
  }
}
