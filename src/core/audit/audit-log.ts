import type { ErrorCode } from '../../ports/errors.ts';
import type { AuditFilter, AuditRow } from '../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import type { Action } from '../access/actions.ts';
import type { Actor } from '../access/actor.ts';
import type { Resource } from '../access/resource.ts';

/** What is about to happen, or was refused. */
export interface AuditEntry {
  readonly actor: Actor;
  readonly action: Action;
  readonly resource: Resource;
  readonly requestId: string | null;
  /** Goes into the intent row as it is: a note under signatures, which holds nothing that a caller gave. */
  readonly note?: string;
}

/**
 * The log of every touch of a key. A row is durable when its promise resolves; when it cannot be, `unavailable` is thrown and
 * the operation must not go on (R10.3, S29).
 */
export interface AuditLog {
  /**
   * Writes the intent row; returns its id. What is `urgent` (it takes a key out of use) goes on when the log cannot be written, with its rows
   * in this replica's emergency journal until they can be placed (S29).
   */
  intent(entry: AuditEntry, options?: { readonly urgent?: boolean }): Promise<string>;
  /**
   * Writes what became of an intent. The operation has happened, so its caller is not told otherwise: while the log cannot be written the
   * row is kept, retried in order ahead of all later rows, and the promise resolves; the next intent is refused until it stands. A
   * row that is lost with the process leaves an intent without an outcome, which reads as «unknown»; an urgent one's is in the journal, too.
   * `made` is the id of what the operation made; the row's resource ends with it.
   */
  outcome(intentId: string, outcome: 'ok' | 'denied' | 'failed', code: ErrorCode | null, made?: string | null): Promise<void>;
  /** A refusal: one outcome row that is its own intent. */
  denied(entry: AuditEntry & { readonly code: ErrorCode }): Promise<void>;
  /** Failed sign-ins are counted into a row a minute, not a row each (S29). Never rejects. */
  signInFailed(address: string): void;
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow>>;
}
