import { sql, type SqlBool } from 'kysely';
import type { CredentialKey, CredentialMaintenance, CredentialRecord, CredentialRepository } from '../../../ports/metadata/credentials.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeFrom, scopeKey } from '../../../ports/scope.ts';
import { dueSince } from '../credential-due.ts';
import type { SqlDialect } from './dialect.ts';
import { type SqlExecutor, textOf } from './executor.ts';
import { slot } from './prepared-query.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

/** `due_at` is when the record first needs the reconciler, null while it does not; a partial index holds only those that do. */
export const credentialTable: RecordTable<CredentialKey, CredentialRecord> = {
  name: 'credentials',
  keyColumns: ['scope', 'service', 'label'],
  keyOf: ({ scope, service, label }) => ({ scope: scopeKey(scope), service, label }),
  indexColumns: ['due_at'],
  indexOf: (record) => ({ due_at: dueSince(record) }),
};

/** Credentials in SQL; both the tenants' view and the jobs' view of the same table. */
export class SqlCredentials extends SqlRecords<CredentialKey, CredentialRecord> implements CredentialRepository, CredentialMaintenance {
  readonly #list: SqlList;
  readonly #ofService: SqlList;
  readonly #due: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, credentialTable);
    const service = { column: 'service', lowest: '' };
    const label = { column: 'label', lowest: '' };
    this.#list = new SqlList(executor, dialect, { name: 'credentials', table: credentialTable.name, equal: ['scope'], order: [service, label] });
    this.#ofService = new SqlList(executor, dialect, { name: 'service-credentials', table: credentialTable.name, equal: ['scope', 'service'], order: [label] });
    this.#due = new SqlList(executor, dialect, {
      name: 'due-credentials',
      table: credentialTable.name,
      equal: [],
      order: [{ column: 'due_at', lowest: -1 }, { column: 'scope', lowest: '' }, service, label],
      where: sql<SqlBool>`due_at <= ${slot('now')}`,
    });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<CredentialRecord>>> {
    const { items, next } = await this.#list.page({ scope: scopeKey(scope) }, page);
    return { items: items.map((row) => this.stored(row)), next };
  }

  async listService(scope: Scope, service: string): Promise<readonly Stored<CredentialRecord>[]> {
    const rows = await this.#ofService.all({ scope: scopeKey(scope), service });
    return rows.map((row) => this.stored(row));
  }

  async dueForReconciling(now: number, page: PageRequest): Promise<Page<CredentialKey>> {
    const { items, next } = await this.#due.page({ now }, page);
    const keys = items.map((row) => ({ scope: scopeFrom(textOf(row, 'scope')), service: textOf(row, 'service'), label: textOf(row, 'label') }));
    return { items: keys, next };
  }
}
