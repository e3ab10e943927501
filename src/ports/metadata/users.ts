import type { Scope } from '../scope.ts';
import type { Page, PageRequest, Repository, Stored } from './stored.ts';

/** A person as an identity provider names one. Whoever has the same issuer and subject is the same user (S23). */
export interface UserRecord {
  /** `usr_…`; follows from issuer and subject, so that nobody is kept twice. */
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  /** As the provider tells; shown only, never identity. */
  readonly name: string | null;
  readonly email: string | null;
  /** Signs in nowhere. */
  readonly disabled: boolean;
  /** Sessions and remembered sign-ins from before this moment are over; null: none were ended. */
  readonly signedOutBefore: number | null;
  readonly createdAt: number;
  readonly createdBy: string;
  /** null: never. */
  readonly lastSignInAt: number | null;
}

export interface UserRepository extends Repository<{ readonly id: string }, UserRecord> {
  /** By id, ascending. */
  list(page: PageRequest): Promise<Page<Stored<UserRecord>>>;
}

export interface MembershipKey {
  readonly tenant: string;
  readonly user: string;
}

/** What a user is in a tenant. It is the tenant's, and holds nothing of what the user is elsewhere. */
export interface MembershipRecord extends MembershipKey {
  readonly issuer: string;
  readonly subject: string;
  /** As the tenant calls the user. */
  readonly name: string;
  readonly role: string;
  /** Holds nothing while it is. */
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly createdBy: string;
}

export interface MembershipRepository extends Repository<MembershipKey, MembershipRecord> {
  /** One tenant's by user, ascending. */
  list(tenant: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>>;
  /** One user's by tenant, ascending. */
  listOf(user: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>>;
}

export interface RoleKey {
  readonly scope: Scope;
  readonly name: string;
}

/** A role that an administrator made: actions that whoever has it may do. */
export interface RoleRecord extends RoleKey {
  readonly description: string;
  /** Actions' names, sorted. */
  readonly permissions: readonly string[];
  readonly createdAt: number;
  readonly createdBy: string;
  /** Its name is never used again: who still has it holds nothing. null: it is in use. */
  readonly deletedAt: number | null;
}

export interface RoleRepository extends Repository<RoleKey, RoleRecord> {
  /** One scope's by name, ascending, deleted ones included. */
  list(scope: Scope, page: PageRequest): Promise<Page<Stored<RoleRecord>>>;
}
