/** A record with the revision that its next conditional write must name. Revisions start at 1 and only grow. */
export interface Stored<R> {
  readonly record: R;
  readonly revision: number;
}

export interface PageRequest {
  /** 1 to 1000. */
  readonly limit: number;
  /** The `next` of the page before. Opaque. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** What to ask for next; undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * The rule every repository keeps: each write is create-only or compare-and-set on one record, durable when its promise
 * resolves. Nothing needs a transaction over several records, so that SQLite, PostgreSQL and Cosmos DB all keep it. Errors, as
 * KeyholdError: `already_exists` (create), `conflict` (the revision is stale, or the record is gone), `unavailable`.
 */
export interface Repository<K, R> {
  get(key: K): Promise<Stored<R> | undefined>;
  create(key: K, record: R): Promise<Stored<R>>;
  replace(key: K, record: R, revision: number): Promise<Stored<R>>;
  /** Removes the record of this revision; `conflict` when it is another one, or gone. */
  remove(key: K, revision: number): Promise<void>;
}
