import { sql, type SqlBool } from 'kysely';
import type { ProviderSession, SessionHolder, SessionRecord, SessionRepository } from '../../../ports/metadata/sessions.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { holderText, providerText } from '../session-places.ts';
import type { SqlDialect } from './dialect.ts';
import type { SqlExecutor } from './executor.ts';
import { slot, type SlotValues } from './prepared-query.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

export const sessionTable: RecordTable<{ readonly id: string }, SessionRecord> = {
  name: 'sessions',
  keyColumns: ['id'],
  keyOf: ({ id }) => ({ id }),
  indexColumns: ['holder', 'provider', 'expires_at'],
  indexOf: ({ holder, provider, expiresAt }) => ({ holder: holderText(holder), provider: provider === null ? null : providerText(provider), expires_at: expiresAt }),
};

/** Sessions in SQL. */
export class SqlSessions extends SqlRecords<{ readonly id: string }, SessionRecord> implements SessionRepository {
  readonly #ofHolder: SqlList;
  readonly #ofProvider: SqlList;
  readonly #expired: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, sessionTable);
    const table = sessionTable.name;
    const id = { column: 'id', lowest: '' };
    this.#ofHolder = new SqlList(executor, dialect, { name: 'sessions-of-holder', table, equal: ['holder'], order: [id] });
    this.#ofProvider = new SqlList(executor, dialect, { name: 'sessions-of-provider', table, equal: ['provider'], order: [id] });
    this.#expired = new SqlList(executor, dialect, { name: 'expired-sessions', table, equal: [], order: [{ column: 'expires_at', lowest: -1 }, id], where: sql<SqlBool>`expires_at <= ${slot('before')}` });
  }

  listOf(holder: Pick<SessionHolder, 'kind' | 'id'>, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#ofHolder, { holder: holderText(holder) }, page);
  }

  listOfProvider(session: ProviderSession, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#ofProvider, { provider: providerText(session) }, page);
  }

  expired(before: number, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#expired, { before }, page);
  }

  async #page(list: SqlList, values: SlotValues, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const { items, next } = await list.page(values, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}
