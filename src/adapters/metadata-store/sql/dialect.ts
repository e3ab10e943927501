import type { Kysely, RawBuilder } from 'kysely';
import type { MetadataStore } from '../../../ports/metadata-store.ts';
import type { SqlValue } from './executor.ts';

/** Tables and columns by name: the repositories are written over table descriptions, which the migrations are checked against by tests. */
export interface SqlTables {
  readonly [table: string]: { readonly [column: string]: SqlValue };
}

/** What differs from one SQL database to another. Everything else under `sql/` holds for all. */
export interface SqlDialect {
  readonly kind: MetadataStore['kind'];
  /** Builds and compiles queries; it has no connection. */
  readonly queries: Kysely<SqlTables>;
  /** One row for each element of a JSON array, in a column named `value` on which `->> index` works. */
  readonly jsonRows: (array: RawBuilder<SqlValue>) => RawBuilder<unknown>;
}
