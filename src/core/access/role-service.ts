import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { RoleKey, RoleRecord, RoleRepository } from '../../ports/metadata/users.ts';
import { type Scope, scopeKey } from '../../ports/scope.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { IfMatch } from '../versions/etag.ts';
import { etagOf } from '../versions/etag.ts';
import type { Action } from './actions.ts';
import { isBuiltIn } from './custom-roles.ts';
import type { Grant } from './grant.ts';
import { grantablePermissions } from './permissions.ts';
import type { Resource } from './resource.ts';
import { requireHeld } from './roles.ts';

export interface RoleServiceDependencies {
  readonly roles: RoleRepository;
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface RoleInput {
  readonly description?: string | undefined;
  readonly permissions: readonly string[];
}

export interface RoleView {
  readonly scope: Scope;
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
  readonly createdAt: number;
  readonly createdBy: string;
  readonly etag: string;
}

const NAME = /^[a-z][a-z0-9-]{1,62}$/;
/** What Keyhold itself may come to call roles. */
const RESERVED = /^(platform|tenant|keyhold|gateway|secret)-|^(system|none|several)$/;
const MAX_ROLES = 100;
/** Deleted ones are kept, so that their names are not used again. */
const MAX_NAMES = 1_000;

/** The roles that administrators make for their tenant or the platform (R0.2, S25). A change counts for whoever has the role, at once. */
export class RoleService {
  readonly #roles: RoleRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;

  constructor({ roles, bus, clock }: RoleServiceDependencies) {
    this.#roles = roles;
    this.#bus = bus;
    this.#clock = clock;
  }

  /**
   * Makes a role. Throws `invalid_argument` for a name or permissions that cannot be, `permission_denied` for permissions that the actor does not
   * hold, `already_exists`, and `conflict` for a name that was used before or where there are too many.
   */
  async create(grant: Grant, { name, ...input }: RoleInput & { readonly name: string }): Promise<RoleView> {
    const { scope } = grant.use('role.create');
    if (!NAME.test(name)) throw refused('name', 'A role\'s name is 2 to 63 of a-z, 0-9 and hyphen, and begins with a letter.');
    if (isBuiltIn(scope, name) || RESERVED.test(name)) throw refused('name', `Roles that begin like ${name} are Keyhold's own. Choose another name.`);
    const permissions = checkedPermissions(grant, scope, input.permissions);
    const taken = await this.#roles.list(scope, { limit: MAX_NAMES });
    if (taken.items.length >= MAX_NAMES || taken.items.filter(({ record }) => record.deletedAt === null).length >= MAX_ROLES) {
      throw new KeyholdError('conflict', `There are ${MAX_ROLES} roles at most, and ${MAX_NAMES} with those that were deleted. Change one that is no longer needed.`);
    }
    const record: RoleRecord = { scope, name, description: checkedDescription(input), permissions, createdAt: this.#clock.now(), createdBy: grant.actor.id, deletedAt: null };
    try {
      const stored = await this.#roles.create({ scope, name }, record);
      await this.#announce({ scope, name }, stored.revision);
      grant.making(name);
      return roleView(stored);
    } catch (error) {
      const earlier = asKeyholdError(error).code === 'already_exists' ? await this.#roles.get({ scope, name }) : undefined;
      if (earlier === undefined || earlier.record.deletedAt === null) throw error;
      throw new KeyholdError('conflict', `A role ${name} was deleted, and there may be tokens and users who still have it. Choose another name.`);
    }
  }

  /** The scope's roles by name. A page may hold fewer than were asked for. */
  async list(grant: Grant, page: PageRequest): Promise<Page<RoleView>> {
    const { items, next } = await this.#roles.list(grant.use('role.read').scope, page);
    return { items: items.filter(({ record }) => record.deletedAt === null).map(roleView), next };
  }

  async get(grant: Grant): Promise<RoleView> {
    const stored = await this.#roles.get(keyOf(grant.use('role.read')));
    if (stored === undefined || stored.record.deletedAt !== null) throw noRole();
    return roleView(stored);
  }

  /** Replaces what the role permits. Throws as `create`, and `not_found`. */
  async replace(grant: Grant, input: RoleInput, ifMatch?: IfMatch): Promise<RoleView> {
    const key = keyOf(grant.use('role.update'));
    const permissions = checkedPermissions(grant, key.scope, input.permissions);
    const description = checkedDescription(input);
    return roleView(await this.#change(key, (record) => ({ ...record, description, permissions }), ifMatch));
  }

  /** Whoever has the role holds nothing from now on. Its name is not used again. */
  async delete(grant: Grant, ifMatch?: IfMatch): Promise<void> {
    await this.#change(keyOf(grant.use('role.delete')), (record) => ({ ...record, permissions: [], deletedAt: this.#clock.now() }), ifMatch);
  }

  #change(key: RoleKey, decide: (record: RoleRecord) => RoleRecord, ifMatch: IfMatch | undefined): Promise<Stored<RoleRecord>> {
    return changeRecord(this.#roles, key, {
      decide: (record) => {
        if (record.deletedAt !== null) throw noRole();
        return decide(record);
      },
      ifMatch,
      missing: noRole,
      announce: (version) => this.#announce(key, version),
    });
  }

  #announce({ scope, name }: RoleKey, version: number): Promise<void> {
    return this.#bus.publish({ topic: 'role', scopeKey: scopeKey(scope), name, version });
  }
}

function keyOf({ scope, id }: Resource): RoleKey {
  if (id === undefined) throw noRole();
  return { scope, name: id };
}

/** Each once and sorted, if all are actions that can be granted here and that the actor holds. Nothing stands for others: no globs. */
function checkedPermissions({ actor }: Grant, scope: Scope, names: readonly string[]): readonly Action[] {
  const grantable = grantablePermissions(scope);
  const unknown = names.find((name) => !grantable.some((action) => action === name));
  if (unknown !== undefined) {
    throw new KeyholdError('invalid_argument', `${JSON.stringify(unknown.slice(0, 64))} is nothing that a role here can permit. Name each permission by itself, as docs/access.md lists them.`, {
      details: { property: 'permissions', allowed: grantable },
    });
  }
  const permissions = grantable.filter((action) => names.includes(action)).toSorted();
  requireHeld(actor, scope, permissions);
  return permissions;
}

function checkedDescription({ description = '' }: RoleInput): string {
  if (/^[^\p{Cc}\p{Cs}]{0,200}$/u.test(description)) return description;
  throw refused('description', 'A description is 200 characters at most, without control characters such as line ends.');
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}

function noRole(): KeyholdError {
  return new KeyholdError('not_found', 'There is no role of this name. Built-in roles are not listed.');
}

function roleView({ record: { scope, name, description, permissions, createdAt, createdBy }, revision }: Stored<RoleRecord>): RoleView {
  return { scope, name, description, permissions, createdAt, createdBy, etag: etagOf(revision) };
}
