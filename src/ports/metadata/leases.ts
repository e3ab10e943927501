import type { ErrorCode } from '../errors.ts';
import type { Repository } from './stored.ts';

/** How a job's last run went. Times are milliseconds since the epoch, by the clock of the replica that ran it; nothing is decided by them. */
export interface JobRun {
  /** The replica that ran it. */
  readonly replica: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: 'ok' | 'failed';
  /** What it failed with; null when it did not. */
  readonly code: ErrorCode | null;
  /** What it has counted, for the replicas that did not run it. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Who does a job that is done once over all replicas. Its holder writes the record again at least every third of the term. It may be taken over
 * by whoever saw the same revision for a whole term on a clock of its own that only grows: no time in here decides anything, since clocks differ.
 */
export interface LeaseRecord {
  /** The replica's id; null: let go, for anybody to take at once. */
  readonly holder: string | null;
  /** Milliseconds: for how long its holder may stand still. The holder's own, so that replicas of different settings agree. */
  readonly termMs: number;
  readonly lastRun: JobRun | null;
  /** When its holder meant to run the job next, for people. */
  readonly nextRunAt: number | null;
}

/** One record for each job, by its name. */
export type LeaseRepository = Repository<{ readonly name: string }, LeaseRecord>;
