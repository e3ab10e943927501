import type { JobRun, LeaseRepository } from '../../ports/metadata/leases.ts';
import type { Grant } from '../access/grant.ts';

/** A job, for people. */
export interface JobDescription {
  readonly name: string;
  readonly description: string;
}

/** What is shown of a job (R0.2). Times are milliseconds since the epoch, by the clock of the replica that says them. */
export interface JobView extends JobDescription {
  /** `once`: by one replica for all of them. `each-replica`: by each, since it is about what that one keeps. */
  readonly runs: 'once' | 'each-replica';
  /** The replica that does it; null while none does, and for what each does. */
  readonly replica: string | null;
  readonly lastRun: JobRun | null;
  readonly nextRunAt: number | null;
}

export interface JobListDependencies {
  readonly leases: LeaseRepository;
  readonly once: readonly JobDescription[];
  readonly eachReplica: readonly JobDescription[];
}

/** The jobs that Keyhold does by itself, and how those went that are done once over all replicas. */
export class JobList {
  readonly #dependencies: JobListDependencies;

  constructor(dependencies: JobListDependencies) {
    this.#dependencies = dependencies;
  }

  /** As the database knows it: its last word on a job may be a renewal old. Throws `unavailable`. */
  async list(grant: Grant): Promise<readonly JobView[]> {
    grant.use('job.read');
    const { leases, once, eachReplica } = this.#dependencies;
    const shown = await Promise.all(
      once.map(async ({ name, description }): Promise<JobView> => {
        const record = (await leases.get({ name }))?.record;
        return { name, description, runs: 'once', replica: record?.holder ?? null, lastRun: record?.lastRun ?? null, nextRunAt: record?.nextRunAt ?? null };
      }),
    );
    return [...shown, ...eachReplica.map(({ name, description }): JobView => ({ name, description, runs: 'each-replica', replica: null, lastRun: null, nextRunAt: null }))];
  }
}
