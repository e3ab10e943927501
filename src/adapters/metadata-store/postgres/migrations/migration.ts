/** One step of the schema. Once released it never changes; what comes after it is the next number. */
export interface PostgresMigration {
  /** Counts up from 1 without gaps; not the numbers of other databases. */
  readonly version: number;
  readonly name: string;
  /** Statements; they run in one transaction with the note that they have run. */
  readonly sql: string;
}
