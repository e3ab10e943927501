/** A job that is done once over all replicas, by the one that holds its lease. */
export interface LeasedJob {
  /** Also the lease's. */
  readonly name: string;
  /** What it does, for people, in one sentence. */
  readonly description: string;
  /** Milliseconds from the end of one run to the beginning of the next. */
  readonly everyMs: number;
  /** The same from when the lease was taken to the first run; left out: at once. */
  readonly firstAfterMs?: number;
  /** The same after a run that failed; left out: as ever. */
  readonly afterFailureMs?: number;
  /** How a failed run is logged. */
  readonly failure: { readonly event: string; readonly message: string };
  /**
   * Does what is due. To be asked before each piece of work: `mayGoOn` says no once another replica may have taken the job over, and when
   * Keyhold stops. Gives what was counted for other replicas to know. Whatever it does can be done twice, by two replicas at once.
   */
  run(mayGoOn: () => boolean): Promise<JobCounts | undefined>;
  /** What the run of another replica has counted. */
  told?(counts: JobCounts): void;
}

type JobCounts = Readonly<Record<string, number>>;
