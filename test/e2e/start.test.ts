import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { apiOf } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

const running: Product[] = [];
const folders: string[] = [];

async function folder(): Promise<string> {
  const made = await temporaryFolder();
  folders.push(made);
  return made;
}

async function start(options: Parameters<typeof startProduct>[0]): Promise<Product> {
  const product = await startProduct(options);
  running.push(product);
  return product;
}

afterEach(async () => {
  for (const product of running.splice(0)) await product.kill();
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
});

const noAdminToken = { KEYHOLD_ADMIN_TOKEN: '' };

/** A data folder that one start has filled. */
async function usedFolder(): Promise<string> {
  const dataDir = await folder();
  const product = await startProduct({ dataDir });
  expect(await product.stop()).toEqual({ code: 0, signal: null });
  return dataDir;
}

describe('R0.1, S28: the first start', () => {
  it('makes folder, key file, database and an administrator\'s token, all for the owner alone', async () => {
    const dataDir = await folder();
    const product = await start({ dataDir, env: noAdminToken });
    const data = join(dataDir, 'data');
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    for (const name of ['keyhold.key', 'keyhold.key.root', 'keyhold.db', 'admin-token']) {
      expect((await stat(join(data, name))).mode & 0o777, name).toBe(0o600);
    }
    const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
    expect(token).toMatch(/^kh_t_[0-9a-z]{16}_[0-9A-Za-z]{49}$/);
    expect(product.output()).not.toContain(token);
    expect((await apiOf(product.url, token).must('GET', '/api/v1/me')).body).toMatchObject({ role: 'platform-admin', tenant: null });
  });

  it('prints what to do next, with the place of the token and never the token itself outside a terminal', async () => {
    const product = await start({ dataDir: await folder(), env: noAdminToken });
    for (const text of ['Keyhold is ready at ', 'admin-token', 'curl', '/credentials/openai']) expect(product.output()).toContain(text);
  });

  it('logs each part in the order of R3.9, as JSON lines', async () => {
    const product = await start({ dataDir: await folder() });
    const lines = product.logLines();
    const messages = lines.map(({ msg }) => String(msg));
    const expected = [
      'SQLite connection established for auth services',
      'Encrypted database service initialized',
      'AI Config service initialized with the encrypted database',
      'Sign-in initialized',
      'Routes initialized',
    ];
    expect(messages.filter((message) => expected.includes(message))).toEqual(expected);
    for (const line of lines) {
      expect(line).toMatchObject({ level: expect.stringMatching(/^(debug|info|warn|error)$/) as unknown, event: expect.any(String) as unknown, msg: expect.any(String) as unknown });
      expect(new Date(String(line['time'])).toISOString()).toBe(line['time']);
    }
  });

  it('is not made again by a second one, which finds everything', async () => {
    const dataDir = await folder();
    const first = await startProduct({ dataDir, env: noAdminToken });
    const token = (await readFile(join(dataDir, 'data', 'admin-token'), 'utf8')).trim();
    await apiOf(first.url, token).must('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    const second = await start({ dataDir, env: noAdminToken });
    expect((await readFile(join(dataDir, 'data', 'admin-token'), 'utf8')).trim()).toBe(token);
    expect((await apiOf(second.url, token).must('GET', '/api/v1/tenants/acme')).body).toMatchObject({ name: 'Acme' });
    expect(second.output()).not.toContain('Keyhold is ready at ');
    expect(second.logLines()).toContainEqual(expect.objectContaining({ event: 'admin_token_waiting', file: join(dataDir, 'data', 'admin-token') }));
  });

  it('S28: ends its token when an administrator\'s token of the API is first used', async () => {
    const dataDir = await folder();
    const product = await start({ dataDir, env: noAdminToken });
    const file = join(dataDir, 'data', 'admin-token');
    const first = apiOf(product.url, (await readFile(file, 'utf8')).trim());
    const made = await first.must('POST', '/api/v1/tokens', { name: 'own', role: 'platform-admin' });
    expect((await first.call('GET', '/api/v1/me')).status).toBe(200);
    await apiOf(product.url, String(made.body['token'])).must('GET', '/api/v1/me');
    expect((await first.call('GET', '/api/v1/me')).status).toBe(401);
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('S28: `token new-admin` on the stopped folder is the way back', async () => {
    const dataDir = await usedFolder();
    const made = await runToEnd({ dataDir, args: ['token', 'new-admin'], env: noAdminToken });
    expect(made).toMatchObject({ code: 0 });
    const token = (await readFile(join(dataDir, 'data', 'admin-token'), 'utf8')).trim();
    expect(made.output).not.toContain(token);
    const product = await start({ dataDir, env: noAdminToken });
    const admin = apiOf(product.url, token);
    expect((await admin.must('GET', '/api/v1/me')).body).toMatchObject({ role: 'platform-admin' });
    const rows = (await admin.must('GET', '/api/v1/audit?action=token.create')).body['items'] as { actor: unknown }[];
    expect(rows[0]?.actor).toEqual({ kind: 'system', id: 'command-line', role: 'system' });
    const refused = await runToEnd({ dataDir, args: ['token', 'new-admin'], env: noAdminToken });
    expect(refused).toMatchObject({ code: 5 });
  });
});

describe('R0.1: every start that fails says why and what to do', () => {
  async function failing(options: Parameters<typeof runToEnd>[0]): Promise<{ code: number | null; stderr: string }> {
    const { code, stderr } = await runToEnd(options);
    expect(stderr).not.toMatch(/^\s+at /m);
    return { code, stderr };
  }

  it('2: all configuration errors at once, each with an example', async () => {
    const { code, stderr } = await failing({ dataDir: await folder(), env: { KEYHOLD_LISTEN: 'nowhere', KEYHOLD_LOG_LEVEL: 'loud', KEYHOLD_ADMIN_TOKEN: 'too-short-fake' } });
    expect(code).toBe(2);
    for (const name of ['KEYHOLD_LISTEN', 'KEYHOLD_LOG_LEVEL', 'KEYHOLD_ADMIN_TOKEN']) expect(stderr).toMatch(new RegExp(`${name}.*Example: ${name}=`));
    expect(stderr).not.toContain('too-short-fake');
  });

  it('3: the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const dataDir = await folder();
    const { code, stderr } = await failing({ dataDir, env: { ...noAdminToken, KEYHOLD_LISTEN: `127.0.0.1:${port}` } });
    other.close();
    expect(code).toBe(3);
    expect(stderr).toContain('KEYHOLD_LISTEN');
    await expect(stat(join(dataDir, 'data', 'admin-token'))).rejects.toThrow('ENOENT');
  });

  it('4: the data folder is no folder', async () => {
    const dataDir = await folder();
    await writeFile(join(dataDir, 'data'), 'a file');
    const { code, stderr } = await failing({ dataDir });
    expect(code).toBe(4);
    expect(stderr).toContain('KEYHOLD_DATA_DIR');
  });

  it('5: another process holds the folder, and is named', async () => {
    const dataDir = await folder();
    const product = await start({ dataDir });
    const { code, stderr } = await failing({ dataDir });
    expect(code).toBe(5);
    expect(stderr).toContain(String(product.process.pid));
  });

  it('6: the key file is missing, damaged, another one, or too open', async () => {
    const dataDir = await usedFolder();
    const file = join(dataDir, 'data', 'keyhold.key');
    const right = await readFile(file, 'utf8');
    const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['missing', () => rm(file)],
      ['damaged', () => writeFile(file, right.slice(0, 20), { mode: 0o600 })],
      ['empty', () => writeFile(file, '', { mode: 0o600 })],
      ['another', () => writeFile(file, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })],
      ['too open', () => writeFile(file, right, { mode: 0o644 })],
    ];
    for (const [name, spoil] of cases) {
      await writeFile(file, right, { mode: 0o600 });
      await (name === 'missing' ? Promise.resolve() : rm(file));
      await spoil();
      const { code, stderr } = await failing({ dataDir });
      expect(code, name).toBe(6);
      expect(stderr, name).toMatch(name === 'another' ? 'KEYHOLD_KEY_FILE' : file);
      expect(stderr, name).not.toContain(right.trim().slice(0, 20));
      await rm(file, { force: true });
    }
    await writeFile(file, right, { mode: 0o600 });
    const product = await start({ dataDir });
    expect((await fetch(`${product.url}/readyz`)).status).toBe(200);
  });

  it('6: the pinned commitment is missing or of another root key', async () => {
    const dataDir = await usedFolder();
    const pin = join(dataDir, 'data', 'keyhold.key.root');
    const right = await readFile(pin, 'utf8');
    await rm(pin);
    expect((await failing({ dataDir })).code).toBe(6);
    await writeFile(pin, `${'0'.repeat(64)}\n`, { mode: 0o600 });
    expect((await failing({ dataDir })).code).toBe(6);
    await rm(pin);
    await writeFile(pin, right, { mode: 0o600 });
    await start({ dataDir });
  });

  it('7: the database is of a newer version', async () => {
    const dataDir = await usedFolder();
    const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'));
    database.exec("INSERT INTO schema (version, name, applied_at) VALUES (9999, 'from the future', 1)");
    database.close();
    const { code, stderr } = await failing({ dataDir });
    expect(code).toBe(7);
    expect(stderr).toContain('9999');
  });

  it('1: the database is damaged', async () => {
    const dataDir = await usedFolder();
    await writeFile(join(dataDir, 'data', 'keyhold.db'), 'this is no database, whatever its name says; it is only text'.repeat(200));
    const { code, stderr } = await failing({ dataDir });
    expect(code).toBe(1);
    expect(stderr).toContain('keyhold.db');
  });

  it('8: the disk is full', async () => {
    const disk = mountSmallDisk();
    if (disk === undefined) return;
    try {
      disk.fill();
      const dataDir = await folder();
      const { code, stderr } = await failing({ dataDir, env: { KEYHOLD_DATA_DIR: join(disk.folder, 'data') } });
      expect(code).toBe(8);
      expect(stderr).toContain('disk is full');
    } finally {
      disk.remove();
    }
  });

  it('S36: production refuses what would open the process', async () => {
    const dataDir = await folder();
    const env = { NODE_ENV: 'production' };
    expect(await failing({ dataDir, env: { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } })).toMatchObject({ code: 2, stderr: expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED') as unknown });
    expect(await failing({ dataDir, env: { ...env, NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' } })).toMatchObject({ code: 2, stderr: expect.stringContaining('--heapsnapshot-signal') as unknown });
  });
});

describe('R0.1: configuration', () => {
  it('reads ./.env, the environment wins, and `config` shows where each value comes from without a secret', async () => {
    const dataDir = await folder();
    const token = 'an-obviously-fake-admin-token-of-40-chars';
    await writeFile(join(dataDir, '.env'), 'KEYHOLD_LOG_LEVEL=debug\nKEYHOLD_SHUTDOWN_TIMEOUT=3s\nKEYHOLD_LGO_LEVEL=info\n');
    const shown = await runToEnd({ dataDir, args: ['config'], env: { KEYHOLD_SHUTDOWN_TIMEOUT: '7s', KEYHOLD_ADMIN_TOKEN: token, KEYHOLD_PORT: 'tcp://10.0.0.1:8080', KEYHOLD_SERVICE_HOST: '10.0.0.1' } });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/KEYHOLD_LOG_LEVEL=debug\s+# \.env/);
    expect(shown.stdout).toMatch(/KEYHOLD_SHUTDOWN_TIMEOUT=7s\s+# environment/);
    expect(shown.stdout).toMatch(/KEYHOLD_ADMIN_TOKEN=\[set\]/);
    expect(shown.output).not.toContain(token);
    expect(shown.stderr).toMatch(/KEYHOLD_LGO_LEVEL.*KEYHOLD_LOG_LEVEL/);
    expect(shown.stderr).not.toMatch(/KEYHOLD_PORT|KEYHOLD_SERVICE_HOST/);
  });

  it('takes a secret from a file', async () => {
    const dataDir = await folder();
    await mkdir(join(dataDir, 'secrets'));
    const token = 'an-obviously-fake-admin-token-of-40-chars';
    await writeFile(join(dataDir, 'secrets', 'token'), `${token}\n`);
    const product = await start({ dataDir, env: { KEYHOLD_ADMIN_TOKEN: '', KEYHOLD_ADMIN_TOKEN_FILE: join(dataDir, 'secrets', 'token') } });
    expect((await apiOf(product.url, token).call('GET', '/api/v1/me')).status).toBe(200);
  });
});
