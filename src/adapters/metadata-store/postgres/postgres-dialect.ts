import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import type { SqlDialect, SqlTables } from '../sql/dialect.ts';

export const postgresDialect: SqlDialect = {
  kind: 'postgres',
  queries: new Kysely<SqlTables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
  jsonRows: (array) => sql`jsonb_array_elements(cast(${array} as jsonb))`,
};
