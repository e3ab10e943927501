import type { MembershipKey, MembershipRecord, MembershipRepository, RoleKey, RoleRecord, RoleRepository, UserRecord, UserRepository } from '../../../ports/metadata/users.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { partitionKey, type RecordKind } from './record-place.ts';

/** Each in a partition of its own, as tokens are: sign-ins are spread over all of the database. */
export const users: RecordKind<{ readonly id: string }, UserRecord> = {
  kind: 'user',
  partsOf: ({ id }) => [id],
  partitionOf: ({ id }) => ['user', id],
};

/** All of a user's together, since a sign-in asks for them; a tenant's administrator, who lists a tenant's, can wait for all partitions. */
export const memberships: RecordKind<MembershipKey, MembershipRecord> = {
  kind: 'membership',
  partsOf: ({ tenant, user }) => [tenant, user],
  partitionOf: ({ user }) => ['user', user],
  indexOf: ({ tenant }) => ({ owner: tenant }),
};

export const roles: RecordKind<RoleKey, RoleRecord> = {
  kind: 'role',
  partsOf: ({ scope, name }) => [scopeKey(scope), name],
  partitionOf: ({ scope }) => [scopeKey(scope)],
};

/** Users in Cosmos DB. */
export class CosmosUsers extends CosmosRecords<{ readonly id: string }, UserRecord> implements UserRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, users);
    this.#list = new CosmosList(items, { name: 'users', kind: users.kind, shape: ['string'], placeOf: partsOf });
  }

  async list(page: PageRequest): Promise<Page<Stored<UserRecord>>> {
    const { items, next } = await this.#list.page({}, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}

/** Memberships in Cosmos DB, by tenant and by user. */
export class CosmosMemberships extends CosmosRecords<MembershipKey, MembershipRecord> implements MembershipRepository {
  readonly #ofTenant: CosmosList;
  readonly #ofUser: CosmosList;

  constructor(items: CosmosItems) {
    super(items, memberships);
    const byKey = { kind: memberships.kind, shape: ['string', 'string'], placeOf: partsOf } as const;
    this.#ofTenant = new CosmosList(items, { name: 'memberships', ...byKey, where: ['c.owner = @owner'] });
    this.#ofUser = new CosmosList(items, { name: 'memberships-of-user', ...byKey });
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = await this.#ofTenant.page({ given: { owner: tenant } }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }

  async listOf(user: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = await this.#ofUser.page({ pk: partitionKey(memberships.partitionOf({ tenant: '', user })) }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}

/** Roles in Cosmos DB. */
export class CosmosRoles extends CosmosRecords<RoleKey, RoleRecord> implements RoleRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, roles);
    this.#list = new CosmosList(items, { name: 'roles', kind: roles.kind, shape: ['string', 'string'], placeOf: partsOf });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<RoleRecord>>> {
    const { items, next } = await this.#list.page({ pk: partitionKey([scopeKey(scope)]) }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}
