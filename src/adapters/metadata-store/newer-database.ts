/** The database is of a version that only a newer Keyhold knows. */
export class NewerDatabaseError extends Error {
  readonly found: number;
  readonly known: number;

  constructor(found: number, known: number) {
    super(`database version ${found}, known up to ${known}`);
    this.name = 'NewerDatabaseError';
    this.found = found;
    this.known = known;
  }
}
