import type { Page, PageRequest, Repository, Stored } from './stored.ts';

/** What is kept of an `Idempotency-Key` in the record it created (S27): keyed digests only. */
export interface IdempotencyMark {
  readonly bodyDigest: string;
  readonly createdAt: number;
}

/** A data key of a tenant that was destroyed, or is about to be. */
export interface ShreddedKey {
  readonly id: string;
  readonly createdAt: number;
  /** What fixes the key and tells nothing of it, 64 hexadecimal digits; null for one that could not be opened any more. */
  readonly commitment: string | null;
  /** null: not yet. */
  readonly destroyedAt: number | null;
}

/** The shredding of a tenant (S16). It stays with the tombstone. */
export interface ShreddingRecord {
  readonly startedAt: number;
  readonly requestedBy: string;
  readonly keys: readonly ShreddedKey[];
  /** A signed note; null until nothing is left to destroy. */
  readonly certificate: string | null;
}

export interface TenantRecord {
  readonly id: string;
  readonly name: string;
  /** `deleted` is a tombstone: it stays for ever, since an id is never used again (S10). */
  readonly state: 'active' | 'suspended' | 'deleting' | 'deleted';
  /**
   * Tenant-admins, tokens and users, that were made and may still be active: the one record on which «first administrator» is decided (S25).
   * `claimedAt` matters while the token's own record does not exist yet.
   */
  readonly adminTokens: readonly { readonly id: string; readonly claimedAt: number }[];
  readonly createdAt: number;
  readonly createdBy: string;
  readonly deletedAt: number | null;
  readonly idempotency: IdempotencyMark | null;
  /** Absent while nobody has begun to destroy its data keys. */
  readonly shredding?: ShreddingRecord | undefined;
}

export interface TenantRepository extends Repository<{ readonly tenant: string }, TenantRecord> {
  /** By id, ascending, tombstones included. */
  list(page: PageRequest): Promise<Page<Stored<TenantRecord>>>;
}

interface UnpricedPrice {
  readonly input: number;
  readonly output: number;
  readonly request: number;
}

export interface PolicyRecord {
  readonly platformFallback: boolean;
  readonly explicitKeys: boolean;
  readonly defaultProvider: string | null;
  readonly defaultModels: Readonly<Record<string, string>>;
  readonly adoptOutsideChanges: boolean;
  readonly validateOnAdd: boolean;
  /** What becomes of a request whose price is not known. */
  readonly unpricedModels: 'allow' | 'refuse' | 'charge';
  /** What it is charged then: pico-dollars a token, nano-dollars a request. Absent where none was put. */
  readonly unpricedPrice?: UnpricedPrice | undefined;
  /** By the IANA's name; its days, weeks and months are those of budgets. Absent: UTC. */
  readonly timeZone?: string | undefined;
}

/** A tenant without a record has the defaults of R0.2. */
export type PolicyRepository = Repository<{ readonly tenant: string }, PolicyRecord>;
