import type { Scope } from '../scope.ts';
import type { Budget } from './budgets.ts';
import type { Limits } from './limits.ts';
import type { Page, PageRequest, Repository, Stored } from './stored.ts';
import type { IdempotencyMark } from './tenants.ts';

/** SHA-256 of a whole token, hex, and until when it counts; two of them while a rotation overlaps (S22). */
export interface TokenDigest {
  readonly digest: string;
  readonly validUntil: number | null;
}

export interface TokenRecord {
  /** The 16 characters inside the token's text. */
  readonly id: string;
  readonly scope: Scope;
  readonly name: string;
  /** A built-in one, or the name of one that the scope's administrator has made. */
  readonly role: string;
  readonly digests: readonly TokenDigest[];
  /** How the token came to be; `first` and `bootstrap` have rules of their own (S28). */
  readonly origin: 'api' | 'first' | 'bootstrap' | 'command';
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly idempotency: IdempotencyMark | null;
}

export interface TokenRepository extends Repository<{ readonly id: string }, TokenRecord> {
  /** One scope's tokens by id, ascending, revoked ones included. */
  list(scope: Scope, page: PageRequest): Promise<Page<Stored<TokenRecord>>>;
}

export interface GatewayKeyRecord {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly digests: readonly TokenDigest[];
  /** The last 4 characters, for telling keys apart. */
  readonly hint: string;
  /** null: AI services only (S2). */
  readonly services: readonly string[] | null;
  /** Globs over model names; null: all. */
  readonly models: readonly string[] | null;
  /** Route ids of the catalogue; null: all that are open by default (S2). */
  readonly routes: readonly string[] | null;
  readonly defaultProvider: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Who answers for it, for people. These three are absent in records from before there were any, which is as null. */
  readonly owner?: string | null | undefined;
  /** Where it may be used from, as CIDR; null: everywhere. */
  readonly networks?: readonly string[] | null | undefined;
  /** null: not limited by itself. */
  readonly limits?: Limits | null | undefined;
  /** Absent or empty: none of its own; the tenant's hold all the same. */
  readonly budget?: readonly Budget[] | undefined;
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly idempotency: IdempotencyMark | null;
}

export interface GatewayKeyRepository extends Repository<{ readonly id: string }, GatewayKeyRecord> {
  list(tenant: string, page: PageRequest): Promise<Page<Stored<GatewayKeyRecord>>>;
}
