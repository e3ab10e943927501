import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { apiOf } from '../support/api.ts';
import { makeInstallation } from '../support/replicas/installation.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

describeWithPostgres('R3.9 four replicas started at the same moment on an empty database', () => {
  it('S28: all come up, with one first token, one root key and one audit log', { timeout: 120_000 }, async () => {
    const installation = await makeInstallation([], { KEYHOLD_ADMIN_TOKEN: '' });
    onTestFinished(() => installation.close());
    const { replicas, database } = installation;
    await Promise.all(replicas.map((replica) => replica.start()));
    const files = replicas.map(({ options }) => join(options.dataDir, 'data', 'admin-token'));
    const tokens = [];
    for (const file of files) if (await stat(file).catch(() => undefined)) tokens.push((await readFile(file, 'utf8')).trim());
    expect(tokens).toHaveLength(1);
    for (const { url } of replicas) expect(await apiOf(url ?? '', tokens[0]).call('GET', '/api/v1/me')).toMatchObject({ status: 200 });
    const count = async (sql: string): Promise<number> => Number((await sharedPostgres().query(sql, database.name))[0]?.['count']);
    expect(await count('SELECT count(*) FROM keyhold.tokens')).toBe(1);
    expect(await count('SELECT count(*) - count(DISTINCT position) AS count FROM keyhold.audit_rows')).toBe(0);
    for (const replica of replicas) expect(await replica.stop()).toEqual({ code: 0, signal: null });
    for (const { output } of replicas) expect(output).not.toMatch(/"level":"(?:error|fatal)"/u);
  });
});
