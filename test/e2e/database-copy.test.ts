import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { apiOf, handOver, makeTenant } from '../support/api.ts';
import { baseUrlsOf, usageEvents } from '../support/product-with-provider.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

const main = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');

describeWithPostgres('R0.5 keyhold database copy', () => {
  let dataDir: string;
  let provider: ProviderServer;
  let product: Product | undefined;
  beforeEach(async () => {
    dataDir = await temporaryFolder();
    provider = await startProviderServer();
  });
  afterEach(async () => {
    await product?.kill();
    await provider.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function started(env: Readonly<Record<string, string>> = {}): Promise<Product> {
    product = await startProduct({ dataDir, env: { ...baseUrlsOf(provider), ...env } });
    return product;
  }

  it('moves an installation from SQLite to PostgreSQL, also after kill -9, and keys, usage and the audit log go on there', async () => {
    const database = await sharedPostgres().create();
    const first = await started();
    const acme = await makeTenant(first, 'acme');
    await handOver(acme, 'openai', 'sk-test-key-that-moves-0001');
    const ask = ({ url }: Product) => apiOf(url, acme.gatewayKey).call('POST', '/v1/chat/completions', { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello' }] });
    expect(await ask(first)).toMatchObject({ status: 200 });
    const head = (await apiOf(first.url).must('GET', '/api/v1/audit/checkpoint')).text;
    const copy = ['database', 'copy', '--to-file', 'target'];
    await writeFile(path.join(dataDir, 'target'), `${database.url}\n`);
    expect(await runToEnd({ dataDir, args: copy })).toMatchObject({ code: 5 });
    await first.stop();

    // Enough that it takes a while.
    const filler = await openSqliteStore({ file: path.join(dataDir, 'data', 'keyhold.db'), clock: { now: () => Date.now(), monotonic: () => performance.now() } });
    for (let page = 0; page < 20; page += 1) await filler.rows.put('gateway-keys', Array.from({ length: 500 }, (_, index) => ({ key: [`gone-${page}-${index}`], revision: 2, body: null })));
    await filler.close();
    expect(await killedAt(copy, 'copied tokens')).toBe('SIGKILL');
    expect(await runToEnd({ dataDir, env: { KEYHOLD_DATABASE_URL: database.url } })).toMatchObject({ code: 1, stderr: expect.stringContaining('not everything is there yet') });
    const copied = await runToEnd({ dataDir, args: copy });
    expect(copied).toMatchObject({ code: 0, stdout: expect.stringContaining(`Set KEYHOLD_DATABASE_URL=postgres://${database.name}@127.0.0.1`) });
    expect(copied.output).not.toContain(database.password);
    expect(copied.stdout).toMatch(/gateway-keys +10001/u);

    const moved = await started({ KEYHOLD_DATABASE_URL: database.url });
    expect(await ask(moved)).toMatchObject({ status: 200 });
    expect(await usageEvents({ ...acme, admin: apiOf(moved.url, acme.admin.token) })).toHaveLength(2);
    await moved.stop();
    await verifies(head, { KEYHOLD_DATABASE_URL: database.url });
  }, 300_000);

  /** The whole log, from before the move on, is one that goes on from the head of before. */
  async function verifies(head: string, env: Readonly<Record<string, string>>): Promise<void> {
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'keyhold-auditor-'));
    const file = (name: string): string => path.join(elsewhere, name);
    await writeFile(file('head'), head);
    await writeFile(file('key'), (await runToEnd({ dataDir, args: ['audit', 'key'] })).stdout);
    await runToEnd({ dataDir, env, args: ['audit', 'export', '-o', file('log')] });
    expect(await runToEnd({ dataDir: elsewhere, args: ['audit', 'verify', file('log'), '--key', file('key'), '--checkpoint', file('head')] })).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(file('log'), 'utf8')).toContain('credential.put');
    await rm(elsewhere, { recursive: true });
  }

  /** Runs a command until it says that; with which signal it ended. */
  async function killedAt(args: readonly string[], text: string): Promise<NodeJS.Signals | null> {
    const child = spawn(process.execPath, ['--disable-sigusr1', '--report-exclude-env', main, ...args], {
      cwd: dataDir,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'test', KEYHOLD_DATA_DIR: path.join(dataDir, 'data') },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(text)) child.kill('SIGKILL');
    });
    return new Promise((resolve) => child.once('close', (_, signal) => resolve(signal)));
  }
});
