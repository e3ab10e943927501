/** Times in milliseconds. */
export interface CredentialLimits {
  /**
   * How long a writer has from its intent to its commit. Nobody else finishes the intent before; store adapters give up well
   * within it.
   */
  readonly intentMs: number;
  /**
   * How long a replaced version stays in the store. A request that read the record just before the replacement still has to fetch
   * the value, on a replica that missed the announcement up to 10 s later (the records' time in the cache), plus the store's own
   * time-out. New requests never use it, and a revocation does not wait.
   */
  readonly retireGraceMs: number;
  /**
   * When it is looked whether a put that was given up has arrived after all, in a store that cannot keep it from that: longer than anything
   * between a dead process and the store holds a request.
   */
  readonly latePutMs: number;
}

export const defaultLimits: CredentialLimits = { intentMs: 30_000, retireGraceMs: 60_000, latePutMs: 600_000 };
