import type { MembershipKey, MembershipRecord, MembershipRepository, RoleKey, RoleRecord, RoleRepository, UserRecord, UserRepository } from '../../../ports/metadata/users.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, sameScope, scopeKey } from '../../../ports/scope.ts';
import { RecordMap, storedOnly } from './record-map.ts';

export class MemoryUsers extends RecordMap<{ readonly id: string }, UserRecord> implements UserRepository {
  constructor() {
    super(({ id }) => [id]);
  }

  async list(page: PageRequest): Promise<Page<Stored<UserRecord>>> {
    const { items, next } = this.page({ name: 'users', shape: ['string'], placeOf: ({ key }) => [key.id], given: [], holds: () => true }, page);
    return { items: items.map(storedOnly), next };
  }
}

export class MemoryMemberships extends RecordMap<MembershipKey, MembershipRecord> implements MembershipRepository {
  constructor() {
    super(({ tenant, user }) => [tenant, user]);
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = this.page({ name: 'memberships', shape: ['string'], placeOf: ({ key }) => [key.user], given: [tenant], holds: ({ key }) => key.tenant === tenant }, page);
    return { items: items.map(storedOnly), next };
  }

  async listOf(user: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = this.page({ name: 'memberships-of-user', shape: ['string'], placeOf: ({ key }) => [key.tenant], given: [user], holds: ({ key }) => key.user === user }, page);
    return { items: items.map(storedOnly), next };
  }
}

export class MemoryRoles extends RecordMap<RoleKey, RoleRecord> implements RoleRepository {
  constructor() {
    super(({ scope, name }) => [scopeKey(scope), name]);
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<RoleRecord>>> {
    const { items, next } = this.page({ name: 'roles', shape: ['string'], placeOf: ({ key }) => [key.name], given: [scopeKey(scope)], holds: ({ key }) => sameScope(key.scope, scope) }, page);
    return { items: items.map(storedOnly), next };
  }
}
