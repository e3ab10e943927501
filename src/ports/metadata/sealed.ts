import type { KeyWrapperKind } from '../key-wrapper.ts';
import type { Scope } from '../scope.ts';
import type { Page, PageRequest, Repository, Stored } from './stored.ts';

export interface SealedValueKey {
  readonly scope: Scope;
  readonly service: string;
  readonly label: string;
  readonly version: number;
}

/** One version of a credential's fields as the sealed store keeps it; binary parts are base64. */
export interface SealedValueRecord {
  /** The intent that put it, its proof (with `digest`) that the put happened. */
  readonly intentId: string;
  readonly digest: string;
  readonly dataKeyId: string;
  /** The sealed envelope (docs/sealing-format.md), one per field. */
  readonly fields: Readonly<Record<string, string>>;
  readonly removedAt: number | null;
}

export interface SealedValueRepository extends Repository<SealedValueKey, SealedValueRecord> {
  /** One scope's values by service, label and version, ascending. */
  list(scope: Scope, page: PageRequest): Promise<Page<Stored<SealedValueRecord> & { readonly key: SealedValueKey }>>;
}

export interface DataKeyKey {
  readonly scope: Scope;
  readonly id: string;
}

/** A data key, wrapped under the root key (S12). */
export interface DataKeyRecord {
  readonly wrapped: string;
  readonly rootId: string;
  readonly createdAt: number;
  /** The rotation that made it; absent where a first value did. */
  readonly rotation?: string | undefined;
  /** Nothing new is sealed under it from then on: it is about to be destroyed. */
  readonly retiredAt?: number | undefined;
}

export interface DataKeyRepository extends Repository<DataKeyKey, DataKeyRecord> {
  /** One scope's data keys, oldest first. */
  list(scope: Scope): Promise<readonly (Stored<DataKeyRecord> & { readonly id: string })[]>;
}

/** The root key under one wrapping key, base64; `place` names that key for people (empty where it was kept before there was a choice). */
export interface RootWrapping {
  readonly kind: KeyWrapperKind;
  readonly place: string;
  readonly wrapped: string;
  readonly madeAt: number;
}

/** The last re-sealing under new data keys that was asked for (S14). */
export interface DataKeyRotationRecord {
  readonly name: 'data-key-rotation';
  readonly id: string;
  /** null: every scope. */
  readonly tenant: string | null;
  readonly startedAt: number;
  readonly startedBy: string;
  /** null while it is under way. */
  readonly finishedAt: number | null;
  /** Counted since the process that finished it began on it. */
  readonly resealed: number;
  readonly destroyedKeys: number;
  /** Values in a vault that are written there anew, one by one; their old keys go after them. */
  readonly waiting: number;
  /** Values that could not be opened; the keys that they name are kept. */
  readonly unreadable: number;
}

/** In a database that another one is being copied into: it is not whole, and nothing may be started on it. */
export interface DatabaseCopyRecord {
  readonly name: 'database-copy';
  /** Whose copy it is, and how long its audit log was when the copy began. */
  readonly rootId: string;
  readonly auditSize: number;
  readonly startedAt: number;
  /** What has been copied completely. */
  readonly finished: readonly string[];
}

/** Who has which of the platform's roles. One record, so that of two who remove each other at the same time one stays. */
export interface RoleBindingsRecord {
  readonly name: 'role-bindings';
  readonly bindings: readonly { readonly user: string; readonly role: string }[];
  /** Tokens and users that are about to be no platform-admins any more: nobody counts on them. */
  readonly leaving: readonly string[];
}

/** What exists once for the whole installation. Each is one record, so that two replicas cannot make two. */
export type PlatformRecord =
  | { readonly name: 'root'; readonly rootId: string; readonly commitment: string; readonly createdAt: number; /** One, or two while what wraps it is being changed: the newest last. Each opens by itself. */ readonly wrappings: readonly RootWrapping[] }
  | DataKeyRotationRecord
  | DatabaseCopyRecord
  | { readonly name: 'first-start'; readonly tokenId: string; readonly createdAt: number }
  /** Whose heads the audit log's are: its name, and the public key (base64) that signs them now (S30). */
  | { readonly name: 'audit-log'; readonly origin: string; readonly publicKey: string; readonly changedAt: number }
  | RoleBindingsRecord
  /** Whether all use of keys is stopped (S29). */
  | { readonly name: 'seal'; readonly sealed: boolean; readonly reason: string | null; readonly changedAt: number; readonly changedBy: string };

export type PlatformRecordName = PlatformRecord['name'];

export type PlatformRepository = Repository<{ readonly name: PlatformRecordName }, PlatformRecord>;
