import type {
  DataKeyKey,
  DataKeyRecord,
  DataKeyRepository,
  PlatformRecord,
  PlatformRecordName,
  SealedValueKey,
  SealedValueRecord,
  SealedValueRepository,
} from '../../../ports/metadata/sealed.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, textOf } from './executor.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

/** The body holds sealed envelopes, never a value in the clear. */
export const sealedValueTable: RecordTable<SealedValueKey, SealedValueRecord> = {
  name: 'sealed_values',
  keyColumns: ['scope', 'service', 'label', 'version'],
  keyOf: ({ scope, service, label, version }) => ({ scope: scopeKey(scope), service, label, version }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const platformTable: RecordTable<{ readonly name: PlatformRecordName }, PlatformRecord> = {
  name: 'platform',
  keyColumns: ['name'],
  keyOf: ({ name }) => ({ name }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const dataKeyTable: RecordTable<DataKeyKey, DataKeyRecord> = {
  name: 'data_keys',
  keyColumns: ['scope', 'id'],
  keyOf: ({ scope, id }) => ({ scope: scopeKey(scope), id }),
  indexColumns: ['created_at'],
  indexOf: ({ createdAt }) => ({ created_at: createdAt }),
};

/** Sealed values in SQL. */
export class SqlSealedValues extends SqlRecords<SealedValueKey, SealedValueRecord> implements SealedValueRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, sealedValueTable);
    this.#list = new SqlList(executor, dialect, {
      name: 'sealed-values',
      table: sealedValueTable.name,
      equal: ['scope'],
      order: [
        { column: 'service', lowest: '' },
        { column: 'label', lowest: '' },
        { column: 'version', lowest: -1 },
      ],
    });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<SealedValueRecord> & { readonly key: SealedValueKey }>> {
    const { items, next } = await this.#list.page({ scope: scopeKey(scope) }, page);
    return { items: items.map((row) => ({ key: { scope, service: textOf(row, 'service'), label: textOf(row, 'label'), version: numberOf(row, 'version') }, ...this.stored(row) })), next };
  }
}

/** Data keys in SQL, wrapped. */
export class SqlDataKeys extends SqlRecords<DataKeyKey, DataKeyRecord> implements DataKeyRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, dataKeyTable);
    this.#list = new SqlList(executor, dialect, {
      name: 'data-keys',
      table: dataKeyTable.name,
      equal: ['scope'],
      order: [
        { column: 'created_at', lowest: -1 },
        { column: 'id', lowest: '' },
      ],
    });
  }

  async list(scope: Scope): Promise<readonly (Stored<DataKeyRecord> & { readonly id: string })[]> {
    const rows = await this.#list.all({ scope: scopeKey(scope) });
    return rows.map((row) => ({ id: textOf(row, 'id'), ...this.stored(row) }));
  }
}
