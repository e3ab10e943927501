import { systemClock } from './adapters/clock/system-clock.ts';
import { JobList } from './core/replicas/job-list.ts';
import { eachReplicaJobs } from './jobs/each-replica.ts';
import type { LeasedJob } from './jobs/leased-job.ts';
import { LeasedJobs } from './jobs/leased-jobs.ts';
import type { Log } from './ports/log.ts';
import type { MetadataStore } from './ports/metadata-store.ts';

export interface JobsOptions {
  readonly metadata: Pick<MetadataStore, 'leases'>;
  /** Those that one replica does for all. */
  readonly once: readonly LeasedJob[];
  readonly replica: string;
  /** Nobody else can be using the database. */
  readonly alone: () => boolean;
  readonly log: Log;
  readonly termMs: number | undefined;
}

/** The jobs, and the list of them. */
export function createJobs({ metadata: { leases }, once, replica, alone, log, termMs }: JobsOptions): { readonly jobs: LeasedJobs; readonly list: JobList } {
  return {
    jobs: new LeasedJobs({ leases, jobs: once, replica, alone, clock: systemClock, log, termMs }),
    list: new JobList({ leases, once, eachReplica: eachReplicaJobs }),
  };
}
