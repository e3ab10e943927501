import { afterAll, beforeAll } from 'vitest';
import { openPostgresStore } from '../../src/adapters/metadata-store/postgres/open-postgres.ts';
import { postgresOptions } from '../support/postgres-options.ts';
import type { TestDatabase } from '../support/servers/postgres-databases.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';
import { metadataStoreContract } from './metadata-store-contract.ts';
import { reopenedStore } from './reopened-store.ts';

describeWithPostgres('on a real server', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await sharedPostgres().create();
  });

  metadataStoreContract({
    name: 'PostgreSQL',
    column: 'PostgreSQL',
    create: async () => {
      return reopenedStore(async () => openPostgresStore(postgresOptions(database.url)), async () => emptyTables(database.name));
    },
  });

  afterAll(async () => {
    await sharedPostgres().query(`DROP DATABASE ${database.name} WITH (FORCE)`);
  });
});

/** Faster than making the tables anew for each test. */
async function emptyTables(database: string): Promise<void> {
  await sharedPostgres().query(
    `DO $$ DECLARE name text; BEGIN
       FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'keyhold' AND tablename <> 'schema' LOOP EXECUTE format('DELETE FROM keyhold.%I', name); END LOOP;
     END $$`,
    database,
  );
}
