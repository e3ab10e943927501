import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant } from '../support/api.ts';
import { copiedKeys } from '../support/copied-keys.ts';
import { baseUrlsOf, usageEvents } from '../support/product-with-provider.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import type { TestDatabase } from '../support/servers/postgres-databases.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

const KEY = 'sk-test-key-in-postgres-0001';

describeWithPostgres('R0.5 Keyhold on PostgreSQL', () => {
  let database: TestDatabase;
  let provider: ProviderServer;
  let dataDir: string;
  let env: Readonly<Record<string, string>>;
  const running: Product[] = [];

  beforeAll(async () => {
    provider = await startProviderServer();
  });
  afterAll(async () => provider.close());
  beforeEach(async () => {
    database = await sharedPostgres().create();
    dataDir = await temporaryFolder();
    env = { ...baseUrlsOf(provider), KEYHOLD_DATABASE_URL: database.url.replace(`:${database.password}`, ''), DATABASE_PASSWORD: database.password };
  });
  afterEach(async () => {
    for (const product of running.splice(0)) await product.kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function started(options: { readonly dataDir: string; readonly env: Readonly<Record<string, string>> } = { dataDir, env }): Promise<Product> {
    const product = await startProduct(options);
    running.push(product);
    return product;
  }

  async function ask({ url }: Product, gatewayKey: string): Promise<number> {
    const { status } = await apiOf(url, gatewayKey).call('POST', '/v1/chat/completions', { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] });
    return status;
  }

  it('R3.9: starts, keeps a key, serves it, survives kill -9 and verifies its audit log; the password is in no output and no file of its own', async () => {
    const first = await started();
    expect(first.logLines().map(({ msg }) => msg)).toContain('PostgreSQL connection established for auth services');
    const acme = await makeTenant(first, 'acme');
    await handOver(acme, 'openai', KEY);
    expect(await ask(first, acme.gatewayKey)).toBe(200);
    await first.kill();

    const again = await started();
    expect(await ask(again, acme.gatewayKey)).toBe(200);
    expect(await usageEvents({ ...acme, admin: apiOf(again.url, acme.admin.token) })).toHaveLength(2);
    const head = (await apiOf(again.url).must('GET', '/api/v1/audit/checkpoint')).text;
    expect(await again.stop()).toMatchObject({ code: 0 });

    const elsewhere = await mkdtemp(path.join(tmpdir(), 'keyhold-auditor-'));
    const [key, log, checkpoint] = ['key.txt', 'log.jsonl', 'head.json'].map((name) => path.join(elsewhere, name)) as [string, string, string];
    await writeFile(checkpoint, head);
    await writeFile(key, (await runToEnd({ dataDir, env, args: ['audit', 'key'] })).stdout);
    expect(await runToEnd({ dataDir, env, args: ['audit', 'export', '-o', log] })).toMatchObject({ code: 0, stdout: '' });
    expect(await runToEnd({ dataDir: elsewhere, args: ['audit', 'verify', log, '--key', key, '--checkpoint', checkpoint] })).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(log, 'utf8')).toContain('credential.put');
    await rm(elsewhere, { recursive: true });
    for (const product of [first, again]) {
      expect(product.output()).not.toContain(database.password);
      expect(product.output()).not.toContain(KEY);
    }
    const bodies = await sharedPostgres().query('SELECT body FROM keyhold.sealed_values UNION ALL SELECT body FROM keyhold.credentials', database.name);
    expect(bodies.length).toBeGreaterThan(1);
    expect(JSON.stringify(bodies)).not.toContain(KEY);
  });

  it('`keyhold config` shows the database without its password, and a start says what is wrong with it', async () => {
    const shown = await runToEnd({ dataDir, args: ['config'], env: { ...env, KEYHOLD_DATABASE_URL: database.url } });
    expect(shown.stdout).toContain(`KEYHOLD_DATABASE_URL=postgres://${database.name}@127.0.0.1:${sharedPostgres().port}/${database.name}?sslmode=disable`);
    expect(shown.output).not.toContain(database.password);
    const refused = await runToEnd({ dataDir, env: { ...env, DATABASE_PASSWORD: 'test-password-wrong' } });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('does not let') });
    expect(refused.output).not.toContain('test-password');
  });

  it('commands on a stopped Keyhold work beside replicas where they may, and refuse where none may run', async () => {
    const ours = { dataDir, env: Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'KEYHOLD_ADMIN_TOKEN')) };
    const first = await started();
    expect(await runToEnd({ ...ours, args: ['token', 'new-admin'] })).toMatchObject({ code: 5 });
    await first.stop();
    const second = await started({ dataDir: await copiedKeys(dataDir), env });
    expect(await runToEnd({ ...ours, args: ['token', 'new-admin'] })).toMatchObject({ code: 0 });
    const token = (await readFile(path.join(dataDir, 'data', 'admin-token'), 'utf8')).trim();
    expect(await apiOf(second.url, token).call('GET', '/api/v1/me')).toMatchObject({ status: 200 });
    expect(await runToEnd({ ...ours, args: ['keys', 'status'] })).toMatchObject({ code: 0 });
    const refused = await runToEnd({ ...ours, args: ['keys', 'rotate', '--data'] });
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('Stop every replica that uses it') });
    await second.stop();
    expect(await runToEnd({ ...ours, args: ['keys', 'rotate', '--data'] })).toMatchObject({ code: 0 });
  });
});
