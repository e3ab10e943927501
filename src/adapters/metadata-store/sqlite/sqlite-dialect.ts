import { DummyDriver, Kysely, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { SqlDialect, SqlTables } from '../sql/dialect.ts';

export const sqliteDialect: SqlDialect = {
  kind: 'sqlite',
  queries: new Kysely<SqlTables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  jsonRows: (array) => sql`json_each(${array})`,
};
