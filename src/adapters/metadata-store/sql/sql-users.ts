import type { MembershipKey, MembershipRecord, MembershipRepository, RoleKey, RoleRecord, RoleRepository, UserRecord, UserRepository } from '../../../ports/metadata/users.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { SqlDialect } from './dialect.ts';
import type { SqlExecutor } from './executor.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

export const users: RecordTable<{ readonly id: string }, UserRecord> = {
  name: 'users',
  keyColumns: ['id'],
  keyOf: ({ id }) => ({ id }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const memberships: RecordTable<MembershipKey, MembershipRecord> = {
  name: 'memberships',
  keyColumns: ['tenant', 'user_id'],
  keyOf: ({ tenant, user }) => ({ tenant, user_id: user }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const roles: RecordTable<RoleKey, RoleRecord> = {
  name: 'roles',
  keyColumns: ['scope', 'name'],
  keyOf: ({ scope, name }) => ({ scope: scopeKey(scope), name }),
  indexColumns: [],
  indexOf: () => ({}),
};

/** Users in SQL. */
export class SqlUsers extends SqlRecords<{ readonly id: string }, UserRecord> implements UserRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, users);
    this.#list = new SqlList(executor, dialect, { name: 'users', table: users.name, equal: [], order: [{ column: 'id', lowest: '' }] });
  }

  async list(page: PageRequest): Promise<Page<Stored<UserRecord>>> {
    const { items, next } = await this.#list.page({}, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}

/** Memberships in SQL, by tenant and by user. */
export class SqlMemberships extends SqlRecords<MembershipKey, MembershipRecord> implements MembershipRepository {
  readonly #ofTenant: SqlList;
  readonly #ofUser: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, memberships);
    this.#ofTenant = new SqlList(executor, dialect, { name: 'memberships', table: memberships.name, equal: ['tenant'], order: [{ column: 'user_id', lowest: '' }] });
    this.#ofUser = new SqlList(executor, dialect, { name: 'memberships-of-user', table: memberships.name, equal: ['user_id'], order: [{ column: 'tenant', lowest: '' }] });
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = await this.#ofTenant.page({ tenant }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }

  async listOf(user: string, page: PageRequest): Promise<Page<Stored<MembershipRecord>>> {
    const { items, next } = await this.#ofUser.page({ user_id: user }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}

/** Roles in SQL. */
export class SqlRoles extends SqlRecords<RoleKey, RoleRecord> implements RoleRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, roles);
    this.#list = new SqlList(executor, dialect, { name: 'roles', table: roles.name, equal: ['scope'], order: [{ column: 'name', lowest: '' }] });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<RoleRecord>>> {
    const { items, next } = await this.#list.page({ scope: scopeKey(scope) }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}
