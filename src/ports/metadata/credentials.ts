import type { Scope } from '../scope.ts';
import type { PutIntent, SecretReference, StoreId } from '../secret-store.ts';
import type { Page, PageRequest, Repository, Stored } from './stored.ts';

export interface CredentialKey {
  readonly scope: Scope;
  readonly service: string;
  readonly label: string;
}

/** A field's name and what may be shown of its value: the last characters (S22: 4 at most, none of a value under 20). */
export interface FieldHint {
  readonly name: string;
  readonly hint: string;
}

export type SettingValue = string | Readonly<Record<string, string>>;

/** What one version is made of, besides its secret values. Key and settings are always of one version (S3). */
interface CredentialContent {
  /** `cred_` and 16 characters. A PUT on a revoked or deleted credential makes a new id under the same name (R3.3). */
  readonly id: string;
  readonly version: number;
  readonly fields: readonly FieldHint[];
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly createdAt: number;
  readonly createdBy: string;
  /** The store that the reconciler is to write this version to: one that could not take it (R3.5), or its own, where it is to be sealed (anew). Left out where it lies as it should. */
  readonly home?: StoreId;
}

export interface CurrentVersion extends CredentialContent {
  readonly reference: SecretReference;
}

/**
 * A change of the store that is under way. Written before the store is touched, taken back by the commit; whoever finds an
 * expired one finishes it. The live version serves on while a put is open.
 */
export interface CredentialIntent extends PutIntent {
  /** `move`: the live version is put into `store` once more, and stays the same version. */
  readonly operation: 'put' | 'remove' | 'restore' | 'move';
  /** The store that is being changed, whatever takes new values by the time somebody finishes this. */
  readonly store: StoreId;
  /**
   * For `put`: what becomes current at the commit, with what else the request sets (`offerTo` null: as before). null on a put that a
   * revocation did not wait for: it must not be committed, and what it left in the store is destroyed.
   */
  readonly next: (CredentialContent & { readonly expiresAt: number | null; readonly offerTo: OfferTo | null }) | null;
  /** A removal that its store could not do before a put began on the deleted credential; it is taken up again when that put comes to nothing. */
  readonly owed?: CredentialIntent;
  /** Milliseconds since the epoch; until then the writer that made it may still be at work. */
  readonly expires: number;
}

/** A version that left use. The reconciler removes it from the store when `destroyAfter` has come. */
export interface RetiredVersion {
  readonly reference: SecretReference;
  readonly version: number;
  readonly destroyAfter: number;
  /** Not a version that was in use, but what a put that was given up may still leave in its store (`SecretStore.traceOf`). */
  readonly late?: true;
}

/** Whom a platform credential is offered to (R0.2). */
export type OfferTo = 'all' | 'none' | readonly string[];

/**
 * One name's credential: at most one live version, and everything needed to finish what a crash interrupted. The record outlives
 * deletion, so that versions only grow.
 */
export interface CredentialRecord {
  readonly scope: Scope;
  readonly service: string;
  readonly label: string;
  /** `new`: the first put has not been committed. Being disabled or expired is no state of the record but follows from its fields. */
  readonly state: 'new' | 'active' | 'revoked' | 'deleted' | 'purged';
  /** Out of use by its owner's wish; outlives replacement, deletion and recovery. */
  readonly disabled: boolean;
  /**
   * The live version, or the one a deleted credential would be recovered to. On a revoked or purged one the last version's
   * description: its value is destroyed. null only while `new`.
   */
  readonly current: CurrentVersion | null;
  /** Highest version ever begun; only grows. */
  readonly version: number;
  /** Grows with every change that a caller can see, not with housekeeping; the ETag comes from it (S22). */
  readonly edition: number;
  readonly intent: CredentialIntent | null;
  readonly retired: readonly RetiredVersion[];
  /** In each store that has kept this credential before and does not now, the store's version that was ours last: the next write there builds on it. */
  readonly leftIn?: Readonly<Partial<Record<StoreId, string>>>;
  readonly expiresAt: number | null;
  readonly weight: number;
  readonly notes: string;
  /** Platform credentials only; null on a tenant's. */
  readonly offerTo: OfferTo | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
  readonly revokedAt: number | null;
  readonly revokeReason: string | null;
}

export interface CredentialRepository extends Repository<CredentialKey, CredentialRecord> {
  /** One scope's records by service and label, ascending, in every state. */
  list(scope: Scope, page: PageRequest): Promise<Page<Stored<CredentialRecord>>>;
  /** One scope's records of one service, by label, ascending, in every state (a pool is small). */
  listService(scope: Scope, service: string): Promise<readonly Stored<CredentialRecord>[]>;
}

/** How long a deleted credential can be recovered (R3.7): 30 days, in milliseconds. */
export const RECOVERABLE_MS = 30 * 24 * 60 * 60 * 1000;

/** Operator-wide reads: jobs only, never a request. */
export interface CredentialMaintenance {
  /**
   * Keys, across all scopes, of records with an open intent (whichever its `expires`: the caller decides), with a retired version
   * whose `destroyAfter` is `now` or earlier, active ones with a `home`, or in state `deleted` for `RECOVERABLE_MS` or longer. Open intents come first, then
   * what is due longest; a record that changes while its list is paged through may be missed until the next run.
   */
  dueForReconciling(now: number, page: PageRequest): Promise<Page<CredentialKey>>;
}
