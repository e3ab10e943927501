import type { ErrorCode } from '../errors.ts';
import type { Page, PageRequest } from './stored.ts';

export interface AuditActor {
  readonly kind: 'token' | 'gateway-key' | 'user' | 'certificate' | 'system' | 'anonymous';
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
  /** A signed note that the row keeps: what changes the log's own key, or its beginning, says so under signatures (S30). */
  readonly note?: string | undefined;
}

/**
 * A row as it is placed: with what the trees keep of it (S30). A node is a hash in base64; a leaf's nodes are the roots of the subtrees that
 * are complete with it, the smallest (the leaf itself) first, so that each node of a tree is kept once and found by its last leaf.
 */
export interface AuditLeaf {
  readonly row: AuditRow;
  readonly nodes: readonly string[];
  /** Its place in the tree of its tenant's own rows; null for a row of no tenant. */
  readonly ofTenant: { readonly index: number; readonly nodes: readonly string[] } | null;
}

/** A row and where it stands. */
export interface PlacedAuditRow {
  readonly row: AuditRow;
  readonly position: number;
  /** How many rows of its tenant stand before it; null for a row of no tenant. */
  readonly tenantIndex: number | null;
}

/** Which rows a tree is over: a tenant's own, counted by themselves, or, for null, all of them. */
export type AuditTreeName = string | null;

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
   * the log is decided by this compare-and-set alone (S30). Nodes and tenant indexes follow from the rows before and are written with them.
   */
  append(position: number, leaves: readonly AuditLeaf[]): Promise<void>;
  /** Newest position first. The cursors of one tenant's rows count that tenant's rows alone, so that they tell nothing of others (R10.2). */
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>>;
  /** Rows of a tree from its `index` on, oldest first, 1 to 1000 of them. */
  read(tree: AuditTreeName, index: number, limit: number): Promise<readonly AuditRow[]>;
  /** The nodes that were placed with these leaves of a tree; what is not there is left out. */
  nodes(tree: AuditTreeName, indexes: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>;
  /** How many rows of a tenant stand before this position. */
  tenantSize(tenant: string, position: number): Promise<number>;
  find(id: string): Promise<PlacedAuditRow | undefined>;
}
