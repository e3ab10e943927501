import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/core/audit/notes/checkpoint.ts';
import { parseVerifierKey, type VerifierKey } from '../../src/core/audit/notes/verifier-key.ts';
import { leafHash } from '../../src/core/audit/tree/hashing.ts';
import { provesConsistency, provesInclusion } from '../../src/core/audit/tree/verify-proof.ts';
import { apiOf, handOver, makeTenant } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';

let dataDir: string;
/** The auditor's machine: nothing of Keyhold's is there. */
let elsewhere: string;
let product: Product | undefined;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  elsewhere = await mkdtemp(join(tmpdir(), 'keyhold-auditor-'));
});

afterEach(async () => {
  await product?.kill();
  for (const folder of [dataDir, elsewhere]) await rm(folder, { recursive: true, force: true });
});

async function started(): Promise<Product> {
  product = await startProduct({ dataDir });
  return product;
}

/** A command beside the data folder. */
function keyhold(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return runToEnd({ dataDir, args: ['audit', ...args], env });
}

/** A command on the auditor's machine. */
function audited(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return runToEnd({ dataDir: elsewhere, args: ['audit', ...args], env });
}

function overApi(url: string, token = testAdminToken): Readonly<Record<string, string>> {
  return { KEYHOLD_URL: url, KEYHOLD_TOKEN: token };
}

async function kept(name: string, text: string): Promise<string> {
  const file = join(elsewhere, name);
  await writeFile(file, text);
  return file;
}

function keyOf(text: string): VerifierKey {
  const key = parseVerifierKey(text.split('\n')[0] ?? '');
  if (key === undefined) throw new Error(`no key: ${text}`);
  return key;
}

describe('the audit log of a running Keyhold (S30)', () => {
  it('is exported over the API and verified on another machine with the server off', async () => {
    const { url } = await started();
    const acme = await makeTenant({ url }, 'acme');
    const early = await kept('early.json', (await apiOf(url).must('GET', '/api/v1/audit/checkpoint')).text);
    await handOver(acme, 'openai', 'sk-test-audit-key-0001');
    const key = await kept('key.txt', (await keyhold(['key'])).stdout);
    const file = join(elsewhere, 'log.jsonl');

    expect(await keyhold(['export'])).toMatchObject({ code: 5, stderr: expect.stringContaining('KEYHOLD_URL') });
    // What was begun and failed leaves nothing behind that would be in the way.
    expect(await audited(['export', '-o', file, '--tenant', 'nobody'], overApi(url))).toMatchObject({ code: 1 });
    expect(await audited(['export', '-o', file], overApi(url))).toMatchObject({ code: 0, output: '' });
    expect(await audited(['export', '-o', file], overApi(url))).toMatchObject({ code: 4 });
    expect(await audited(['export'], overApi(url, acme.admin.token))).toMatchObject({ code: 1, stderr: expect.stringContaining('may not do audit.read') });
    expect(await audited(['export'], { KEYHOLD_URL: url })).toMatchObject({ code: 2 });
    const tenants = await audited(['export', '--tenant', 'acme'], overApi(url, acme.admin.token));
    const tenantHead = await kept('acme.json', (await acme.admin.must('GET', '/api/v1/tenants/acme/audit/checkpoint')).text);
    const stopped = await product?.stop();
    expect(stopped).toMatchObject({ code: 0 });

    const proven = await audited(['verify', file, '--key', key, '--checkpoint', early, '--checkpoint', tenantHead]);
    expect(proven).toMatchObject({ code: 0, stderr: '' });
    expect(proven.stdout).toMatch(/^PROVEN: keyhold\/[0-9a-f]{16}, \d+ rows, the latest of /);
    expect(proven.stdout).toContain('What this cannot show:');
    expect(proven.stdout).toContain('who holds the machine and its key could have written them otherwise');
    expect(await audited(['verify', await kept('acme.jsonl', tenants.stdout), '--key', key, '--checkpoint', tenantHead])).toMatchObject({ code: 0 });
    expect(tenants.stdout).not.toContain('"counter"');

    const text = await readFile(file, 'utf8');
    const changed = await audited(['verify', await kept('changed.jsonl', text.replace('"tenant":"acme"', '"tenant":"acmf"')), '--key', key, '--checkpoint', early]);
    expect(changed).toMatchObject({ code: 1 });
    expect(changed.stdout).toMatch(/^ALTERED/);
    expect(await audited(['verify', await kept('cut.jsonl', text.slice(0, -40)), '--key', key, '--checkpoint', early])).toMatchObject({ code: 1 });
  });

  it('says 2 for what cannot be used, whatever that is', async () => {
    const { url } = await started();
    const early = await kept('early.json', (await apiOf(url).must('GET', '/api/v1/audit/checkpoint')).text);
    const file = join(elsewhere, 'log.jsonl');
    await audited(['export', '-o', file], overApi(url));
    const key = (await keyhold(['key'])).stdout.split('\n')[0] ?? '';
    expect(await audited(['verify', file, '--key', key, '--checkpoint', early])).toMatchObject({ code: 0 });
    const wrong = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
    for (const args of [
      [],
      [file],
      [file, '--key', key],
      [file, '--checkpoint', early],
      [file, '--key', wrong, '--checkpoint', early],
      [file, '--key', 'nonsense', '--checkpoint', early],
      [file, '--key', key, '--checkpoint', file.replace('log', 'no')],
      [file, '--key', key, '--checkpoint', await kept('empty', '')],
      [join(elsewhere, 'nowhere'), '--key', key, '--checkpoint', early],
      [elsewhere, '--key', key, '--checkpoint', early],
      [await kept('other', 'some text\n'), '--key', key, '--checkpoint', early],
      [file, '--key', key, '--checkpoint', early, '--unknown'],
      [file, 'another', '--key', key, '--checkpoint', early],
    ]) {
      const { code, stderr } = await audited(['verify', ...args]);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).not.toBe('');
    }
  });

  it('proves rows and growth over the API, to the platform and to a tenant for its own', async () => {
    const { url } = await started();
    const acme = await makeTenant({ url }, 'acme');
    const globex = await makeTenant({ url }, 'globex');
    await handOver(acme, 'openai', 'sk-test-audit-key-0001');
    const key = keyOf((await keyhold(['key'])).stdout);
    for (const [api, base, origin] of [[apiOf(url), '/api/v1/audit', key.name], [acme.admin, '/api/v1/tenants/acme/audit', `${key.name}/tenants/acme`]] as const) {
      const before = (await api.must('GET', `${base}/checkpoint`)).body;
      await handOver(acme, 'anthropic', `sk-test-audit-key-${origin.length}`);
      const [row] = (await api.must('GET', `${base}?limit=1`)).body['items'] as { id: string }[];
      const inclusion = (await api.must('GET', `${base}/proof?id=${row?.id}`)).body;
      const head = openCheckpoint(String(inclusion['checkpoint']), [key]);
      if (head === undefined) throw new Error('the head is not signed');
      expect(head.origin).toBe(origin);
      const hashes = (proof: Record<string, unknown>) => (proof['hashes'] as string[]).map((hash) => Buffer.from(hash, 'base64'));
      const entry = String(inclusion['entry']);
      expect(JSON.parse(entry)).toMatchObject({ id: row?.id, action: 'credential.put' });
      expect(provesInclusion({ leaf: leafHash(entry), index: Number(inclusion['index']), size: head.size, root: head.root, proof: hashes(inclusion) })).toBe(true);
      const consistency = (await api.must('GET', `${base}/proof?from=${String(before['size'])}`)).body;
      expect(provesConsistency({ first: Number(before['size']), firstRoot: Buffer.from(String(before['rootHash']), 'base64'), second: head.size, secondRoot: head.root, proof: hashes(consistency) })).toBe(true);
      for (const query of ['', '?to=1', '?id=aud_x&from=0', '?from=99999', '?from=2&to=1']) expect((await api.call('GET', `${base}/proof${query}`)).status).toBe(400);
      expect((await api.call('GET', `${base}/proof?id=aud_000000000000000000000000`)).status).toBe(404);
    }
    const [foreign] = (await globex.admin.must('GET', '/api/v1/tenants/globex/audit?limit=1')).body['items'] as { id: string }[];
    expect((await acme.admin.call('GET', `/api/v1/tenants/acme/audit/proof?id=${foreign?.id}`)).status).toBe(404);
    expect((await acme.admin.call('GET', '/api/v1/tenants/globex/audit/proof?from=0')).status).toBe(404);
    const listed: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Record<string, unknown> = (await acme.admin.must('GET', `/api/v1/tenants/acme/audit/entries?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)).body;
      listed.push(...(page['items'] as string[]).map((entry) => (JSON.parse(entry) as { tenant: string }).tenant));
      cursor = page['nextCursor'] as string | null;
    }
    expect(listed.length).toBe(Number((await acme.admin.must('GET', '/api/v1/tenants/acme/audit/checkpoint')).body['size']));
    expect(new Set(listed)).toEqual(new Set(['acme']));
  });

  it('leaves its heads in the log at the start and at the stop; its key is nowhere but in its file', async () => {
    const { url } = await started();
    await makeTenant({ url }, 'acme');
    const key = keyOf((await keyhold(['key'])).stdout);
    const running = product;
    await running?.stop();
    const heads = running?.logLines().filter(({ event }) => event === 'audit_checkpoint') ?? [];
    expect(heads.map(({ name }) => name)).toEqual(['start', 'stop']);
    const sizes = heads.map(({ checkpoint }) => openCheckpoint(String(checkpoint), [key])?.size ?? -1);
    expect(sizes[1]).toBeGreaterThan(sizes[0] ?? 0);

    const secret = (await readFile(join(dataDir, 'data', 'keyhold.key.audit'), 'utf8')).trim().split('+').slice(4).join('+');
    expect(Buffer.from(secret, 'base64')).toHaveLength(33);
    for (const name of await readdir(join(dataDir, 'data'), { recursive: true })) {
      const content = await readFile(join(dataDir, 'data', name)).catch(() => Buffer.alloc(0));
      if (name !== 'keyhold.key.audit') expect([name, content.includes(secret), content.includes(Buffer.from(secret, 'base64').subarray(1))]).toEqual([name, false, false]);
    }
    expect(running?.output()).not.toContain(secret);
  });
});

describe('the audit log of a stopped Keyhold (S30)', () => {
  it('gets another key, which who has the old one follows', async () => {
    const { url } = await started();
    await makeTenant({ url }, 'acme');
    const early = await kept('early.json', (await apiOf(url).must('GET', '/api/v1/audit/checkpoint')).text);
    const old = await kept('old.txt', (await keyhold(['key'])).stdout);
    expect(await keyhold(['rotate-key'])).toMatchObject({ code: 5 });
    await product?.stop();
    const rotated = await keyhold(['rotate-key']);
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    const shown = (await keyhold(['key'])).stdout;
    expect(shown.split('\n')[0]).toBe(rotated.stdout.split('\n')[0]);
    expect(shown).toContain(`# Before: ${(await readFile(old, 'utf8')).split('\n')[0]}`);
    const again = await started();
    await handOver(await makeTenant(again, 'globex'), 'openai', 'sk-test-audit-key-0001');
    await again.stop();
    const file = await kept('log.jsonl', (await keyhold(['export'])).stdout);
    for (const key of [old, await kept('new.txt', shown)]) expect(await audited(['verify', file, '--key', key, '--checkpoint', early])).toMatchObject({ code: 0 });
  });

  it('is refused when an older database was put in its place, until that is said to be on purpose', async () => {
    const { url } = await started();
    await makeTenant({ url }, 'acme');
    const early = await kept('early.json', (await apiOf(url).must('GET', '/api/v1/audit/checkpoint')).text);
    const key = await kept('key.txt', (await keyhold(['key'])).stdout);
    await product?.stop();
    const database = join(dataDir, 'data', 'keyhold.db');
    await copyFile(database, join(elsewhere, 'backup.db'));
    const second = await started();
    await makeTenant(second, 'globex');
    const late = await kept('late.json', (await apiOf(second.url).must('GET', '/api/v1/audit/checkpoint')).text);
    await second.kill();
    await copyFile(join(elsewhere, 'backup.db'), database);
    for (const name of ['-wal', '-shm']) await rm(database + name, { force: true });

    const refused = await runToEnd({ dataDir });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('older than this Keyhold\'s last head');
    expect(refused.stderr).toContain('keyhold audit accept-restored');
    expect(await keyhold(['accept-restored'])).toMatchObject({ code: 0 });
    expect(await keyhold(['accept-restored'])).toMatchObject({ code: 1, stderr: expect.stringContaining('there is nothing to accept') });
    for (const tenant of ['nobody', 'a b']) expect(await keyhold(['export', '--tenant', tenant])).toMatchObject({ code: 1, stderr: expect.stringContaining(`There is no tenant "${tenant}"`) });
    expect(await keyhold(['export', '--tenant', 'acme'])).toMatchObject({ code: 0 });
    const third = await started();
    expect((await apiOf(third.url).call('GET', '/api/v1/tenants/globex')).status).toBe(404);
    await third.stop();
    const file = await kept('log.jsonl', (await keyhold(['export'])).stdout);
    const proven = await audited(['verify', file, '--key', key, '--checkpoint', early]);
    expect(proven).toMatchObject({ code: 0, stdout: expect.stringContaining('begun under a new name') });
    expect(await audited(['verify', file, '--key', key, '--checkpoint', late])).toMatchObject({ code: 1 });
  });

  it('does not start without its key, nor with another\'s; a lost one can be replaced', { timeout: 180_000 }, async () => {
    await started();
    await product?.stop();
    const file = join(dataDir, 'data', 'keyhold.key.audit');
    const text = await readFile(file, 'utf8');
    await rm(file);
    expect(await runToEnd({ dataDir })).toMatchObject({ code: 6, stderr: expect.stringContaining('rotate-key --lost') });
    await writeFile(file, `${text.trimEnd().slice(0, -4)}AAAA\n`, { mode: 0o600 });
    expect(await runToEnd({ dataDir })).toMatchObject({ code: 6 });
    await rm(file);
    expect(await keyhold(['rotate-key', '--lost'])).toMatchObject({ code: 0, stdout: expect.stringContaining('No signature says so') });
    await (await started()).stop();
  });
});
