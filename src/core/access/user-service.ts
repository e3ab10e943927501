import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { RoleRepository, UserRecord, UserRepository } from '../../ports/metadata/users.ts';
import { platformScope } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';
import { etagOf, type IfMatch } from '../versions/etag.ts';
import type { Grant } from './grant.ts';
import { type Invitation, invitedUser } from './invited-user.ts';
import type { Issuers } from './issuers.ts';
import type { PlatformAdministrators } from './platform-administrators.ts';
import type { Resource } from './resource.ts';
import { grantableRole } from './roles.ts';
import { endedBefore } from './sign-in-times.ts';

export interface UserServiceDependencies {
  readonly users: UserRepository;
  readonly roles: RoleRepository;
  readonly administrators: PlatformAdministrators;
  readonly issuers: Issuers;
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface UserChange {
  /** null: none of the platform's. */
  readonly role?: string | null | undefined;
  readonly disabled?: boolean | undefined;
}

export interface UserView extends Omit<UserRecord, 'signedOutBefore'> {
  /** The platform's role; null: none. */
  readonly role: string | null;
  readonly etag: string;
}

const ADMIN = 'platform-admin';

/** Everybody who may sign in, and who has a role of the platform (R0.2, S23, S25). Somebody stays who is platform-admin. */
export class UserService {
  readonly #users: UserRepository;
  readonly #roles: RoleRepository;
  readonly #administrators: PlatformAdministrators;
  readonly #issuers: Issuers;
  readonly #bus: Bus;
  readonly #clock: Clock;

  constructor({ users, roles, administrators, issuers, bus, clock }: UserServiceDependencies) {
    this.#users = users;
    this.#roles = roles;
    this.#administrators = administrators;
    this.#issuers = issuers;
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Gives a user a role of the platform. Throws `invalid_argument`, `permission_denied` for a role that the actor may not give, and `already_exists` for who has one. */
  async invite(grant: Grant, { role, ...invitation }: Invitation & { readonly role: string }): Promise<UserView> {
    grant.use('user.invite');
    this.#issuers.requireUsable(invitation.issuer, await grantableRole(grant.actor, platformScope, role, this.#roles));
    const stored = await invitedUser({ users: this.#users, bus: this.#bus, clock: this.#clock }, invitation, grant.actor.id);
    const { id } = stored.record;
    if ((await this.#administrators.bindings()).roles.has(id)) throw new KeyholdError('already_exists', 'This user has a role of the platform already. Change it with PATCH.');
    await this.#administrators.bind(id, role);
    grant.making(id);
    return userView(stored, role);
  }

  /** By id. */
  async list(grant: Grant, page: PageRequest): Promise<Page<UserView>> {
    grant.use('user.read');
    const { items, next } = await this.#users.list(page);
    const { roles } = await this.#administrators.bindings();
    return { items: items.map((stored) => userView(stored, roles.get(stored.record.id) ?? null)), next };
  }

  async get(grant: Grant): Promise<UserView> {
    const stored = await this.#users.get({ id: idOf(grant.use('user.read')) });
    if (stored === undefined) throw noUser();
    return this.#view(stored);
  }

  /**
   * Changes the platform's role, or whether the user signs in anywhere. Whoever makes somebody able to do something holds that, too. Throws `not_found`,
   * `conflict` for the last platform-admin, and what `invite` throws.
   */
  async update(grant: Grant, { role, disabled }: UserChange, ifMatch?: IfMatch): Promise<UserView> {
    const id = idOf(grant.use('user.update'));
    const before = (await this.#administrators.bindings()).roles.get(id) ?? null;
    const after = role === undefined ? before : role;
    const given = after !== null && (after !== before || disabled === false) ? await grantableRole(grant.actor, platformScope, after, this.#roles) : undefined;
    let stored = await this.#change(id, (record) => record, ifMatch);
    if (given !== undefined) this.#issuers.requireUsable(stored.record.issuer, given);
    if (after !== before) await this.#administrators.bind(id, after);
    if (disabled === true && !stored.record.disabled) stored = await this.#disable(id, after);
    if (disabled === false && stored.record.disabled) {
      // What the user had signed in with before stays over.
      stored = await this.#change(id, (record) => ({ ...record, disabled: false, signedOutBefore: endedBefore(record, this.#clock.now()) }));
      await this.#administrators.stay(id);
    }
    return this.#view(stored);
  }

  /** Takes the platform's role away. What the user holds in tenants is theirs to take. Throws `not_found`, and `conflict` for the last platform-admin. */
  async remove(grant: Grant): Promise<void> {
    const id = idOf(grant.use('user.remove'));
    if ((await this.#users.get({ id })) === undefined) throw noUser();
    await this.#administrators.bind(id, null);
  }

  async #disable(id: string, role: string | null): Promise<Stored<UserRecord>> {
    if (role === ADMIN) await this.#administrators.leave(id);
    const disabled = await this.#change(id, (record) => ({ ...record, disabled: true }));
    if (role !== ADMIN) return disabled;
    try {
      // Somebody may have enabled the user again meanwhile, and others have counted on that.
      await this.#administrators.leave(id);
      return disabled;
    } catch (error) {
      await this.#change(id, (record) => ({ ...record, disabled: false }));
      throw error;
    }
  }

  async #view(stored: Stored<UserRecord>): Promise<UserView> {
    return userView(stored, (await this.#administrators.bindings()).roles.get(stored.record.id) ?? null);
  }

  #change(id: string, decide: (record: UserRecord) => UserRecord, ifMatch?: IfMatch): Promise<Stored<UserRecord>> {
    return changeRecord(this.#users, { id }, { decide, ifMatch, missing: noUser, announce: (version) => this.#bus.publish({ topic: 'user', id, version }) });
  }
}

function idOf({ id }: Resource): string {
  if (id === undefined) throw noUser();
  return id;
}

function noUser(): KeyholdError {
  return new KeyholdError('not_found', 'There is no user with this id.');
}

function userView({ record: { signedOutBefore: _at, ...shown }, revision }: Stored<UserRecord>, role: string | null): UserView {
  return { ...shown, role, etag: etagOf(revision) };
}
