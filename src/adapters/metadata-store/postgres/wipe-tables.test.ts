import { Client } from 'pg';
import { expect, it } from 'vitest';
import { postgresOptions } from '../../../../test/support/postgres-options.ts';
import { describeWithPostgres, sharedPostgres } from '../../../../test/support/servers/with-postgres.ts';
import { platformScope } from '../../../ports/scope.ts';
import { openPostgresStore } from './open-postgres.ts';

const WRAPPED = 'd3JhcHBlZC1rZXktdGhhdC1pcy1kZXN0cm95ZWQ=';

describeWithPostgres('S16 wiping PostgreSQL', () => {
  it('takes a destroyed data key out of the table\'s file, and says when another transaction keeps it there', async () => {
    const { name, url } = await sharedPostgres().create();
    const store = await openPostgresStore(postgresOptions(url));
    const key = { scope: platformScope, id: 'dk_1' };
    await store.dataKeys.create(key, { wrapped: WRAPPED, rootId: 'root_1', createdAt: 1 });
    const reader = new Client({ connectionString: url, ssl: false });
    await reader.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT 1 FROM keyhold.tokens');
    await store.dataKeys.remove(key, 1);
    expect(await isInFile(name)).toBe(true);
    await expect(store.wipe()).rejects.toMatchObject({ code: 'unavailable' });
    await reader.end();
    await store.wipe();
    expect(await isInFile(name)).toBe(false);
    await store.close();
  });
});

/** Whether the server's own file of the table has it, as far as a look at the disk can tell. */
async function isInFile(database: string): Promise<boolean> {
  await sharedPostgres().query('CHECKPOINT', database);
  const [found] = await sharedPostgres().query(`SELECT position('${WRAPPED}'::bytea IN pg_read_binary_file(pg_relation_filepath('keyhold.data_keys'))) AS place`, database);
  return found?.['place'] !== 0;
}
