import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { TokenRepository } from '../../ports/metadata/access.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { TenantRepository } from '../../ports/metadata/tenants.ts';
import type { MembershipKey, MembershipRecord, MembershipRepository, RoleRepository, UserRepository } from '../../ports/metadata/users.ts';
import { tenantScope } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import { checkedName } from './checked-input.ts';
import { FirstAdministrator } from './first-administrator.ts';
import type { Grant } from './grant.ts';
import { type Invitation, invitedUser } from './invited-user.ts';
import type { Issuers } from './issuers.ts';
import type { Resource } from './resource.ts';
import { grantableRole } from './roles.ts';
import { hasRoom } from './room.ts';

export interface MemberServiceDependencies {
  readonly users: UserRepository;
  readonly memberships: MembershipRepository;
  readonly roles: RoleRepository;
  readonly tenants: TenantRepository;
  readonly tokens: TokenRepository;
  readonly issuers: Issuers;
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface NewMember extends Invitation {
  readonly name: string;
  readonly role: string;
}

export interface MemberChange {
  readonly name?: string | undefined;
  readonly role?: string | undefined;
  readonly disabled?: boolean | undefined;
}

/** A user as a tenant sees it: what that tenant has written down, and nothing of what the user is elsewhere (R10.2). */
export type MemberView = Omit<MembershipRecord, 'tenant' | 'user'> & { readonly id: string; readonly etag: string };

const ADMIN = 'tenant-admin';
/** S34. */
const MAX_MEMBERS = 10_000;

/** A tenant's users (R0.2, S23, S25). Every change is announced, so that the next request sees it. */
export class MemberService {
  readonly #users: UserRepository;
  readonly #memberships: MembershipRepository;
  readonly #roles: RoleRepository;
  readonly #issuers: Issuers;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #firstAdministrator: FirstAdministrator;

  constructor(dependencies: MemberServiceDependencies) {
    const { users, memberships, roles, issuers, bus, clock } = dependencies;
    this.#users = users;
    this.#memberships = memberships;
    this.#roles = roles;
    this.#issuers = issuers;
    this.#bus = bus;
    this.#clock = clock;
    this.#firstAdministrator = new FirstAdministrator(dependencies);
  }

  /**
   * Gives a user a role in the tenant; the user's next sign-in has it. Throws `invalid_argument`, `permission_denied` for a role that the actor may not give,
   * and `already_exists` for who has one.
   */
  async invite(grant: Grant, { name, role, ...invitation }: NewMember): Promise<MemberView> {
    const tenant = tenantOf(grant.use('user.invite'));
    const { actor } = grant;
    this.#issuers.requireUsable(invitation.issuer, await grantableRole(actor, tenantScope(tenant), role, this.#roles));
    const calledSo = checkedName(name);
    if (!(await hasRoom((page) => this.#memberships.list(tenant, page), () => true, MAX_MEMBERS))) {
      throw new KeyholdError('conflict', `The tenant has ${MAX_MEMBERS} users, and no more can be invited. Remove those who hold nothing any more.`);
    }
    const { id, issuer, subject } = (await invitedUser({ users: this.#users, bus: this.#bus, clock: this.#clock }, invitation, actor.id)).record;
    const key = { tenant, user: id };
    if ((await this.#memberships.get(key)) !== undefined) throw isMember();
    const record: MembershipRecord = { ...key, issuer, subject, name: calledSo, role, disabled: false, createdAt: this.#clock.now(), createdBy: actor.id };
    if (role === ADMIN) await this.#firstAdministrator.claim(tenant, id, { onlyFirst: actor.scope.kind === 'platform' });
    const stored = await this.#memberships.create(key, record);
    await this.#announce(key, stored.revision);
    if (role === ADMIN && !(await this.#firstAdministrator.confirm(tenant, id))) {
      await this.#memberships.remove(key, stored.revision);
      await this.#announce(key, stored.revision + 1);
      throw notFirst();
    }
    grant.making(id);
    return memberView(stored);
  }

  /** By id. */
  async list(grant: Grant, page: PageRequest): Promise<Page<MemberView>> {
    const { items, next } = await this.#memberships.list(tenantOf(grant.use('user.read')), page);
    return { items: items.map(memberView), next };
  }

  async get(grant: Grant): Promise<MemberView> {
    const stored = await this.#memberships.get(keyOf(grant.use('user.read')));
    if (stored === undefined) throw noMember();
    return memberView(stored);
  }

  /** Changes what is named. Whoever makes somebody able to do something holds that, too. Throws as `invite`, and `not_found`. */
  async update(grant: Grant, change: MemberChange, ifMatch?: IfMatch): Promise<MemberView> {
    const key = keyOf(grant.use('user.update'));
    const name = change.name === undefined ? undefined : checkedName(change.name);
    const isClaim = (record: MembershipRecord): boolean => record.role === ADMIN && !record.disabled;
    let before: MembershipRecord | undefined;
    const stored = await this.#change(key, async (record) => {
      before = record;
      const next = { ...record, name: name ?? record.name, role: change.role ?? record.role, disabled: change.disabled ?? record.disabled };
      if (next.role !== record.role || (record.disabled && !next.disabled)) this.#issuers.requireUsable(record.issuer, await grantableRole(grant.actor, tenantScope(key.tenant), next.role, this.#roles));
      if (isClaim(next) && !isClaim(record)) await this.#firstAdministrator.claim(key.tenant, key.user, { onlyFirst: false });
      return next;
    }, ifMatch);
    if (before !== undefined && isClaim(stored.record) && !isClaim(before) && !(await this.#firstAdministrator.confirm(key.tenant, key.user))) {
      const { role, disabled } = before;
      await this.#change(key, (record) => ({ ...record, role, disabled }), undefined);
      throw notFirst();
    }
    return memberView(stored);
  }

  /** Whoever it is holds nothing in the tenant from now on. */
  async remove(grant: Grant, ifMatch?: IfMatch): Promise<void> {
    const key = keyOf(grant.use('user.remove'));
    // Disabled first: a removed record has no revision to announce, and a reader that lags would see the one before it.
    const { revision } = await this.#change(key, (record) => ({ ...record, disabled: true }), ifMatch);
    await this.#memberships.remove(key, revision);
    await this.#announce(key, revision + 1);
  }

  #change(key: MembershipKey, decide: (record: MembershipRecord) => MembershipRecord | Promise<MembershipRecord>, ifMatch: IfMatch | undefined): Promise<Stored<MembershipRecord>> {
    return changeRecord(this.#memberships, key, { decide, ifMatch, missing: noMember, announce: (version) => this.#announce(key, version) });
  }

  #announce({ tenant, user }: MembershipKey, version: number): Promise<void> {
    return this.#bus.publish({ topic: 'membership', tenant, user, version });
  }
}

function memberView({ record: { tenant: _tenant, user, ...shown }, revision }: Stored<MembershipRecord>): MemberView {
  return { ...shown, id: user, etag: etagOf(revision) };
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('internal', 'A tenant\'s users were asked for without a tenant.');
  return scope.tenant;
}

function keyOf(resource: Resource): MembershipKey {
  if (resource.id === undefined) throw noMember();
  return { tenant: tenantOf(resource), user: resource.id };
}

function noMember(): KeyholdError {
  return new KeyholdError('not_found', 'There is no user with this id.');
}

function isMember(): KeyholdError {
  return new KeyholdError('already_exists', 'This user has a role here already. Change it with PATCH.');
}

function notFirst(): KeyholdError {
  return new KeyholdError('conflict', 'Another administrator was made at the same time. This one was not; send the request again.');
}
