import { afterAll, beforeAll, expect, it } from 'vitest';
import { atOnce } from '../../../../test/support/at-once.ts';
import { postgresOptions } from '../../../../test/support/postgres-options.ts';
import { freePort } from '../../../../test/support/servers/free-port.ts';
import type { TestDatabase } from '../../../../test/support/servers/postgres-databases.ts';
import { startTcpProxy } from '../../../../test/support/servers/tcp-proxy.ts';
import { describeWithPostgres, sharedPostgres } from '../../../../test/support/servers/with-postgres.ts';
import { StartError } from '../../../ports/start-error.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { MIGRATION_LOCK } from './migrate.ts';
import { isKeyholdDatabase, openPostgresStore } from './open-postgres.ts';
import { mayPass } from './open-problems.ts';
import { withOwnConnection } from './own-connection.ts';

const PROCESSES = 2;

/** Opens each database together with the others, writes into it, and says whose writing it finds there when all have written. */
const opensAll = `
  const [, module, options, ...rest] = process.argv;
  const [{ openPostgresStore }, { postgresOptions }] = [await import(module), await import(options)];
  const found = [];
  for (const url of rest.slice(0, -1)) {
    await together();
    const store = await openPostgresStore(postgresOptions(url));
    await store.tenants.create({ tenant: 'process-' + rest.at(-1) }, { id: 'process-' + rest.at(-1) });
    await together();
    found.push((await store.tenants.list({ limit: 10 })).items.map(({ record }) => record.id));
    await store.close();
  }
  say(found);
`;

describeWithPostgres('opening PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await sharedPostgres().create();
  });
  afterAll(async () => {
    await sharedPostgres().query(`DROP DATABASE ${database.name} WITH (FORCE)`);
  });

  it('makes its tables in a schema of its own, and finds them again', async () => {
    expect(await isKeyholdDatabase(postgresOptions(database.url))).toBe(false);
    const first = await openPostgresStore(postgresOptions(database.url));
    await first.platform.create({ name: 'root' }, { name: 'root', wrappings: [], rootId: 'r', commitment: 'c', createdAt: 1 });
    await first.close();
    expect(await isKeyholdDatabase(postgresOptions(database.url))).toBe(true);
    const again = await openPostgresStore(postgresOptions(database.url));
    expect(await again.platform.get({ name: 'root' })).toMatchObject({ revision: 1 });
    await again.close();
    const tables = await sharedPostgres().query("SELECT count(*) FILTER (WHERE schemaname = 'public') AS public FROM pg_tables", database.name);
    expect(tables).toEqual([{ public: '0' }]);
  });

  it('R0.1: a database of a newer Keyhold is exit code 7, and nothing in it is changed', async () => {
    const newer = await sharedPostgres().create();
    await (await openPostgresStore(postgresOptions(newer.url))).close();
    await sharedPostgres().query("INSERT INTO keyhold.schema VALUES (99, 'of the future', 0)", newer.name);
    const refused = await problem(newer.url);
    expect(refused.exitCode).toBe(7);
    expect(refused.message).toContain('version 99, made by a newer Keyhold');
  });

  it('R0.1: says what to do about a wrong password, a missing one, an unknown user and database, and never shows the password', async () => {
    const { password, url, name } = database;
    const wrong = await problem(url.replace(password, 'test-password-wrong'));
    expect([wrong.exitCode, wrong.message]).toEqual([2, expect.stringContaining('does not let')]);
    const missing = await problem(url.replace(`:${password}`, ''));
    expect([missing.exitCode, missing.message]).toEqual([2, expect.stringContaining('DATABASE_PASSWORD')]);
    const unknown = await problem(url.replace(/[^/]*$/u, 'nowhere'));
    expect([unknown.exitCode, unknown.message]).toEqual([2, expect.stringContaining('CREATE DATABASE nowhere')]);
    const away = await problem(url.replace(String(sharedPostgres().port), String(await freePort())));
    expect([away.exitCode, away.message]).toEqual([1, expect.stringContaining('cannot be reached (')]);
    for (const { message, cause } of [wrong, missing, unknown, away]) expect(`${message} ${String(cause)}`).not.toContain('test-password');
    expect(wrong.message).toContain(name);
  });

  it('says which right is missing where it may not make its schema', async () => {
    const other = await sharedPostgres().create();
    const { pathname } = new URL(database.url);
    expect(await problem(other.url.replace(/\/[^/]*$/u, pathname))).toMatchObject({ exitCode: 2, message: expect.stringContaining('permission denied') });
    const ours = await sharedPostgres().create();
    await sharedPostgres().query(`ALTER DATABASE ${ours.name} OWNER TO admin`);
    expect(await problem(ours.url)).toMatchObject({ exitCode: 2, message: expect.stringContaining(`GRANT CREATE ON DATABASE ${ours.name}`) });
    // An administrator can make the schema, and grant nothing else.
    await sharedPostgres().query(`CREATE SCHEMA keyhold AUTHORIZATION ${ours.name}`, ours.name);
    await (await openPostgresStore(postgresOptions(ours.url))).close();
  });

  it('refuses a database that cannot keep every text', async () => {
    const latin = await sharedPostgres().create({ encoding: 'LATIN1' });
    expect(await problem(latin.url)).toMatchObject({ exitCode: 2, message: expect.stringContaining("ENCODING 'UTF8'") });
  });

  it('TLS is as the URL says: verify-full checks who the server is, and a wrong authority or name is refused', async () => {
    const { caFile, port } = sharedPostgres();
    const ca = `sslrootcert=${encodeURIComponent(caFile)}`;
    for (const query of [`sslmode=verify-full&${ca}`, `sslmode=verify-ca&${ca}`, 'sslmode=require']) {
      const store = await openPostgresStore(postgresOptions(`${database.url}?${query}`));
      await store.ping();
      const encrypted = await sharedPostgres().query(`SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '${database.name}'`);
      expect(encrypted).toEqual([{ ssl: true }]);
      await store.close();
    }
    for (const query of ['sslmode=verify-full', 'sslmode=verify-ca']) {
      expect(await problem(`${database.url}?${query}`)).toMatchObject({ exitCode: 2, message: expect.stringContaining('over TLS') });
    }
    const proxy = await startTcpProxy(port, '127.0.0.2');
    const elsewhere = database.url.replace(`127.0.0.1:${port}`, `127.0.0.2:${proxy.port}`);
    expect(await problem(`${elsewhere}?sslmode=verify-full&${ca}`)).toMatchObject({ exitCode: 2, message: expect.stringContaining('over TLS') });
    await (await openPostgresStore(postgresOptions(`${elsewhere}?sslmode=verify-ca&${ca}`))).close();
    await proxy.close();
  });

  it('a process that stands still while it makes the tables is not waited for', async () => {
    const { url } = await sharedPostgres().create();
    const { server, password } = postgresOptions(url);
    const stands = Promise.withResolvers<undefined>();
    const locked = Promise.withResolvers<undefined>();
    const still = withOwnConnection(server, password, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      locked.resolve(undefined);
      await stands.promise;
      await client.query('COMMIT');
    });
    await locked.promise;
    const store = await openPostgresStore(postgresOptions(url));
    await store.close();
    stands.resolve(undefined);
    await expect(still).rejects.toSatisfy(mayPass);
  });

  it('R0.5: several processes that start at once on an empty database make its tables once, and what one writes the others read', async () => {
    const databases = await Promise.all(Array.from({ length: 3 }, () => sharedPostgres().create()));
    const opened = await atOnce(PROCESSES, opensAll, [new URL('./open-postgres.ts', import.meta.url).href, new URL('../../../../test/support/postgres-options.ts', import.meta.url).href, ...databases.map(({ url }) => url)]);
    const everybody = Array.from({ length: PROCESSES }, (_, own) => `process-${own}`);
    expect(opened).toEqual(Array.from({ length: PROCESSES }, () => databases.map(() => everybody)));
    for (const { name } of databases) expect(await sharedPostgres().query('SELECT version FROM keyhold.schema', name)).toEqual(allMigrations.map(({ version }) => ({ version: String(version) })));
  });
});

async function problem(url: string): Promise<StartError> {
  const error: unknown = await openPostgresStore(postgresOptions(url)).then(
    async (store) => {
      await store.close();
      return new Error('it opened');
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof StartError)) throw error;
  return error;
}
