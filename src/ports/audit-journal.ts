import type { AuditRow } from './metadata/audit.ts';

/** A row that has no place in its replica's chain yet. */
export type AuditRowDraft = Omit<AuditRow, 'replica' | 'counter' | 'previous' | 'nonce'>;

/**
 * Where this replica keeps rows of what must not wait for the log: revocations and the like (S29). Room for them is taken beforehand, so that
 * a full disk does not matter.
 */
export interface AuditJournal {
  /** What the process before has left, oldest first. */
  readonly left: readonly AuditRowDraft[];
  /** Durable when resolved. Throws `unavailable` when the row does not fit any more, or cannot be written. */
  append(row: AuditRowDraft): Promise<void>;
  /** Forgets everything: it all stands in the log. */
  clear(): Promise<void>;
  close(): Promise<void>;
}
