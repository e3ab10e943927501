import type { GatewayKeyRecord, GatewayKeyRepository, TokenRecord, TokenRepository } from '../../../ports/metadata/access.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { SqlDialect } from './dialect.ts';
import type { SqlExecutor } from './executor.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

interface Id {
  readonly id: string;
}

export const tokens: RecordTable<Id, TokenRecord> = {
  name: 'tokens',
  keyColumns: ['id'],
  keyOf: ({ id }) => ({ id }),
  indexColumns: ['scope'],
  indexOf: ({ scope }) => ({ scope: scopeKey(scope) }),
};

export const gatewayKeys: RecordTable<Id, GatewayKeyRecord> = {
  name: 'gateway_keys',
  keyColumns: ['id'],
  keyOf: ({ id }) => ({ id }),
  indexColumns: ['tenant'],
  indexOf: ({ tenant }) => ({ tenant }),
};

const byId = [{ column: 'id', lowest: '' }] as const;

/** Tokens in SQL; the body holds digests, never a token. */
export class SqlTokens extends SqlRecords<Id, TokenRecord> implements TokenRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, tokens);
    this.#list = new SqlList(executor, dialect, { name: 'tokens', table: tokens.name, equal: ['scope'], order: byId });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<TokenRecord>>> {
    const { items, next } = await this.#list.page({ scope: scopeKey(scope) }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}

/** Gateway keys in SQL; the body holds digests, never a key. */
export class SqlGatewayKeys extends SqlRecords<Id, GatewayKeyRecord> implements GatewayKeyRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, gatewayKeys);
    this.#list = new SqlList(executor, dialect, { name: 'gateway-keys', table: gatewayKeys.name, equal: ['tenant'], order: byId });
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<GatewayKeyRecord>>> {
    const { items, next } = await this.#list.page({ tenant }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}
