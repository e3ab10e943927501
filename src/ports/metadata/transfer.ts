import type { MetadataStore } from '../metadata-store.ts';
import type { Page, PageRequest } from './stored.ts';

/** Every kind of record but leases, which tell of running replicas and begin anew, and the audit log, which is read and placed by its own repository. */
export const rowKinds = [
  'tenants',
  'policies',
  'limits',
  'price-books',
  'tenant-budgets',
  'budget-accounts',
  'own-vaults',
  'credentials',
  'tokens',
  'gateway-keys',
  'users',
  'memberships',
  'roles',
  'sessions',
  'sealed-values',
  'data-keys',
  'platform',
  'usage-rollups',
  'usage-batches',
  'usage-segments',
] as const;

export type RowKind = (typeof rowKinds)[number];

/** A record as a database keeps it, whatever its own form is. */
export interface Row {
  /** The parts of its key, in their order; scopes as `scopeKey` writes them. */
  readonly key: readonly (string | number)[];
  /** 1 for what is created once and never changed. */
  readonly revision: number;
  /** The record as JSON, as it was written; null where it was removed. */
  readonly body: string | null;
}

/** A database's records as they are, for moving all of them to another database. Errors as `Repository` has them. */
export interface RowTransfer {
  /** Removed records included, in an order of the database's own. */
  list(kind: RowKind, page: PageRequest): Promise<Page<Row>>;
  /** Keeps rows as they are, with their revisions. What is there already under a row's key stays, the same or another: who puts compares afterwards. */
  put(kind: RowKind, rows: readonly Row[]): Promise<void>;
}

/** A database that everything can be copied from and to. */
export interface TransferableStore extends MetadataStore {
  readonly rows: RowTransfer;
}
