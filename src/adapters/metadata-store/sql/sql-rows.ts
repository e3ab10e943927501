import { type RawBuilder, sql } from 'kysely';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import type { Row, RowKind, RowTransfer } from '../../../ports/metadata/transfer.ts';
import type { UsageSegment } from '../../../ports/metadata/usage-segments.ts';
import { BatchText } from '../batch-text.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { StoredText } from '../stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, type SqlRow, type SqlValue, textOf } from './executor.ts';
import { PreparedQuery, slot } from './prepared-query.ts';
import type { RecordTable } from './record-table.ts';
import { gatewayKeys, tokens } from './sql-access.ts';
import { budgetAccountTable, tenantBudgetsTable } from './sql-budgets.ts';
import { credentialTable } from './sql-credentials.ts';
import { dataKeyTable, platformTable, sealedValueTable } from './sql-sealed.ts';
import { sessionTable } from './sql-sessions.ts';
import { limitsTable, ownVaultTable, policyTable, priceBookTable, tenantTable } from './sql-tenants.ts';
import { batchIndex, rollupTable } from './sql-usage.ts';
import { segmentIndex } from './sql-usage-segments.ts';
import { memberships, roles, users } from './sql-users.ts';

/** Columns that hold integers; all others hold text. */
const INTEGERS: ReadonlySet<string> = new Set(['version', 'hour', 'segment', 'revision', 'due_at', 'created_at', 'first_time', 'last_time', 'is_open', 'outstanding', 'expires_at']);

/** A table, and what its index columns hold for a record's text. */
interface RowTable {
  readonly name: string;
  readonly keyColumns: readonly string[];
  readonly indexColumns: readonly string[];
  readonly indexOf: (body: string) => Readonly<Record<string, SqlValue>>;
  /** false: what is created once has none. */
  readonly hasRevisions: boolean;
}

const batches = new BatchText();
const segments = new StoredText<UsageSegment>();

const tables: Readonly<Record<RowKind, RowTable>> = {
  tenants: ofRecords(tenantTable),
  policies: ofRecords(policyTable),
  limits: ofRecords(limitsTable),
  'price-books': ofRecords(priceBookTable),
  'tenant-budgets': ofRecords(tenantBudgetsTable),
  'budget-accounts': ofRecords(budgetAccountTable),
  'own-vaults': ofRecords(ownVaultTable),
  credentials: ofRecords(credentialTable),
  tokens: ofRecords(tokens),
  'gateway-keys': ofRecords(gatewayKeys),
  users: ofRecords(users),
  memberships: ofRecords(memberships),
  roles: ofRecords(roles),
  sessions: ofRecords(sessionTable),
  'sealed-values': ofRecords(sealedValueTable),
  'data-keys': ofRecords(dataKeyTable),
  platform: ofRecords(platformTable),
  'usage-rollups': ofRecords(rollupTable),
  'usage-batches': {
    name: 'usage_batches',
    keyColumns: ['tenant', 'journal', 'segment'],
    indexColumns: ['first_time', 'last_time'],
    indexOf: (body) => batchIndex(batches.read(body)),
    hasRevisions: false,
  },
  'usage-segments': {
    name: 'usage_segments',
    keyColumns: ['journal', 'segment'],
    indexColumns: ['is_open'],
    indexOf: (body) => segmentIndex(segments.read(body)),
    hasRevisions: false,
  },
};

/** The rows of a SQL database's tables, as they are. */
export class SqlRows implements RowTransfer {
  readonly #executor: SqlExecutor;
  readonly #dialect: SqlDialect;
  readonly #queries = new Map<RowKind, { readonly list: PreparedQuery; readonly put: PreparedQuery }>();

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    this.#executor = executor;
    this.#dialect = dialect;
  }

  async list(kind: RowKind, page: PageRequest): Promise<Page<Row>> {
    const { keyColumns, hasRevisions } = tables[kind];
    const start = pageStart(`rows-${kind}`, keyColumns.map((column) => (INTEGERS.has(column) ? 'number' : 'string')), page);
    const after = Object.fromEntries(keyColumns.map((column, index) => [column, start?.[index] ?? (INTEGERS.has(column) ? Number.MIN_SAFE_INTEGER : '')]));
    const found = await this.#queriesOf(kind).list.read(this.#executor, { ...after, limit: page.limit + 1 });
    const keyOf = (row: SqlRow): Row['key'] => keyColumns.map((column) => (INTEGERS.has(column) ? numberOf(row, column) : textOf(row, column)));
    const { items, next } = pageFrom(`rows-${kind}`, found, page.limit, keyOf);
    return { items: items.map((row) => ({ key: keyOf(row), revision: hasRevisions ? numberOf(row, 'revision') : 1, body: row['body'] === null ? null : textOf(row, 'body') })), next };
  }

  async put(kind: RowKind, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const { indexColumns, indexOf, hasRevisions } = tables[kind];
    const entries = rows.map(({ key, revision, body }) => {
      const index = body === null ? {} : indexOf(body);
      return [...key, ...indexColumns.map((column) => index[column] ?? null), ...(hasRevisions ? [revision] : []), body];
    });
    await this.#queriesOf(kind).put.write(this.#executor, { rows: JSON.stringify(entries) });
  }

  #queriesOf(kind: RowKind): { readonly list: PreparedQuery; readonly put: PreparedQuery } {
    const known = this.#queries.get(kind);
    if (known !== undefined) return known;
    const made = { list: listQuery(this.#dialect, tables[kind]), put: putQuery(this.#dialect, tables[kind]) };
    this.#queries.set(kind, made);
    return made;
  }
}

function listQuery({ queries }: SqlDialect, { name, keyColumns, hasRevisions }: RowTable): PreparedQuery {
  const beyond = sql<boolean>`(${sql.join(keyColumns.map((column) => sql.ref(column)))}) > (${sql.join(keyColumns.map((column) => slot(column)))})`;
  let query = queries.selectFrom(name).select([...keyColumns, ...(hasRevisions ? ['revision'] : []), 'body']).where(beyond).limit(sql<number>`${slot('limit')}`);
  for (const column of keyColumns) query = query.orderBy(column);
  return new PreparedQuery(query);
}

/** Many rows in one statement, each an array of its columns' values. */
function putQuery({ queries, jsonRows }: SqlDialect, { name, keyColumns, indexColumns, hasRevisions }: RowTable): PreparedQuery {
  const columns = [...keyColumns, ...indexColumns, ...(hasRevisions ? ['revision'] : []), 'body'];
  const values = columns.map((column, index): RawBuilder<SqlValue> => {
    const text = sql<string>`entry.value ->> ${sql.lit(index)}`;
    return INTEGERS.has(column) ? sql<number>`cast(${text} as bigint)` : text;
  });
  return new PreparedQuery(
    queries
      .insertInto(name)
      .columns(columns)
      .expression((eb) =>
        eb
          .selectFrom(sql<object>`${jsonRows(slot('rows'))}`.as('entry'))
          .select(columns.flatMap((column, index) => values.slice(index, index + 1).map((value) => value.as(column))))
          // Without a condition SQLite takes what follows for one of a join.
          .where(sql<boolean>`true`),
      )
      .onConflict((conflict) => conflict.columns([...keyColumns]).doNothing()),
  );
}

function ofRecords<K, R extends object>({ name, keyColumns, indexColumns, indexOf }: RecordTable<K, R>): RowTable {
  const text = new StoredText<R>();
  return { name, keyColumns, indexColumns, indexOf: (body) => indexOf(text.read(body)), hasRevisions: true };
}
