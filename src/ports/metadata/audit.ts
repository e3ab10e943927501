import type { ErrorCode } from '../errors.ts';
import type { Page, PageRequest } from './stored.ts';

export interface AuditActor {
  readonly kind: 'token' | 'gateway-key' | 'system' | 'anonymous';
  readonly id: string;
  readonly role: string;
}

/**
 * One row of the audit log (R0.2). `replica`, `counter`, `previous` and `nonce` are what the tamper-evident tree is built over
 * (S30); they make a row's canonical form unique and chained per replica.
 */
export interface AuditRow {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly phase: 'intent' | 'outcome';
  /** The intent row's own id; an outcome names its intent's. */
  readonly intentId: string;
  readonly action: string;
  readonly actor: AuditActor;
  readonly tenant: string | null;
  readonly resource: string;
  /** null on an intent. */
  readonly outcome: 'ok' | 'denied' | 'failed' | null;
  readonly code: ErrorCode | null;
  readonly requestId: string | null;
  readonly replica: string;
  readonly counter: number;
  /** SHA-256 of the canonical form of the replica's row before, hex; 64 zeros for its first. */
  readonly previous: string;
  /** 16 random bytes, hex. */
  readonly nonce: string;
}

export interface AuditFilter {
  readonly tenant?: string | undefined;
  readonly action?: string | undefined;
  /** The actor's id. */
  readonly actor?: string | undefined;
  /** Inclusive, milliseconds since the epoch. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
}

export interface AuditRepository {
  /** How many rows there are: the position at which the next batch goes. */
  size(): Promise<number>;
  /**
   * Places rows at `position`, all or none, durable when resolved. `conflict` when something stands there already: the order of
   * the log is decided by this compare-and-set alone (S30).
   */
  append(position: number, rows: readonly AuditRow[]): Promise<void>;
  /** Newest position first. */
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>>;
}
