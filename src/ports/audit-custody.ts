import type { SecretValue } from './secret-value.ts';

/** Where the key that signs the log's heads is kept: outside the database, its dumps and its backups (S30). */
export interface AuditKeyStore {
  /** For messages: what a person would look for. */
  readonly place: string;
  /** The key and its former public keys, as they were given; undefined when there is none. Throws `StartError` when it is not private. */
  read(): Promise<SecretValue | undefined>;
  /** False when there is one already, which stays as it is. Durable when resolved. */
  create(text: SecretValue): Promise<boolean>;
  /** The key that is to come; undefined when none is. */
  readNext(): Promise<SecretValue | undefined>;
  /** Keeps a key beside the present one, in the place of any other that was to come. */
  putNext(text: SecretValue): Promise<void>;
  /** Puts the next key in the present one's place, in one step. */
  useNext(): Promise<void>;
  dropNext(): Promise<void>;
}

/** The last head that this replica has signed, kept outside the database, so that an older database is noticed (S30). */
export interface HeadStore {
  readonly place: string;
  /** A signed note; undefined when none was kept. */
  last(): Promise<string | undefined>;
  /** Durable when resolved. */
  keep(note: string): Promise<void>;
}
