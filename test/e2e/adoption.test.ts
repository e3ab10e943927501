import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cbc, gcm, token } from '../support/adoption-world.ts';
import { apiOf } from '../support/api.ts';
import { legacyEnvironment } from '../support/legacy-settings.ts';
import { runToEnd, testAdminToken } from '../support/product.ts';
import { cosmosKey, startCosmosServer } from '../support/servers/cosmos.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const PLAIN = 'sk-test-in-vault-already-0001';
const IN_THE_CLEAR = 'sk-test-in-the-clear-000001';

let world: VaultWorld;

interface Report {
  readonly dryRun: boolean;
  readonly totals: Readonly<Record<string, number>>;
  readonly advice: readonly string[];
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

/** One of the commands, against the Keyhold that runs; nothing that it says may hold a key. */
async function keyhold(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const { code, stdout, stderr } = await runToEnd({ args, dataDir: world.dataDir, env: { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken } });
  for (const secret of [gcm.text, gcm.value, token.text, token.token, PLAIN, IN_THE_CLEAR]) expect(stdout + stderr).not.toContain(secret);
  return { code, stdout, stderr };
}

async function reported(name: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly report: Report }> {
  const file = join(world.dataDir, `${name}.json`);
  const { code, stdout, stderr } = await keyhold(...args, '--report', file);
  if (!stdout.includes('TENANT')) throw new Error(stdout + stderr);
  const text = await readFile(file, 'utf8');
  for (const secret of [gcm.text, gcm.value, token.text, token.token, PLAIN, IN_THE_CLEAR]) expect(text).not.toContain(secret);
  return { code, stdout, report: JSON.parse(text) as Report };
}

/** What the provider gets for a tenant, in which a gateway key is made first. */
async function served(tenant: string): Promise<string | null> {
  const platform = apiOf(world.product().url);
  const made = await platform.call('POST', `/api/v1/tenants/${tenant}/tokens`, { name: 'first', role: 'tenant-admin' });
  if (made.status === 201) admins.set(tenant, String(made.body['token']));
  const { body } = await apiOf(world.product().url, admins.get(tenant)).must('POST', `/api/v1/tenants/${tenant}/gateway-keys`, { name: 'application' });
  return (await world.ask(String(body['key']))).key;
}
const admins = new Map<string, string>();

function outcomesOf({ items }: Report): readonly string[] {
  return items.map(({ from, tenant, service, outcome }) => `${String(from)} ${String(tenant)}/${String(service)}: ${String(outcome)}`);
}

describeWithVault('R6.3, R3.4 adoption and migration on the real product', () => {
  let documents: string;
  beforeAll(async () => {
    world = await startVaultWorld();
    await world.cli('kv', 'put', 'secret/tenants/acme/api-keys/openai', `api_key=${PLAIN}`);
    await world.cli('kv', 'put', 'secret/tenants/globex/api-keys/openai', `api_key=${token.token}`);
    await world.cli('kv', 'put', 'secret/tenants/acme/api-keys/nothing-known', `api_key=${PLAIN}`);
    await world.cli('kv', 'put', 'secret/platform/database', 'username=app', 'password=test-database-password');
    await world.start({ env: legacyEnvironment });
    await world.platform().must('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
    documents = join(world.dataDir, 'documents.json');
    await writeFile(
      documents,
      JSON.stringify([
        { tenantId: 'initech', provider: 'openai', encryptedApiKey: gcm.value, id: '1' },
        { tenantId: 'Umbrella Corp', provider: 'azure', encryptedApiKey: token.token, endpoint: 'https://umbrella.openai.azure.com', deploymentMappings: { 'gpt-4': 'mine' } },
        { tenantId: 'acme', provider: 'groq', encryptedApiKey: IN_THE_CLEAR },
        { tenantId: 'acme', provider: 'anthropic', encryptedApiKey: cbc.value },
        { tenantId: 'twice', provider: 'openai', encryptedApiKey: gcm.value },
        { tenantId: 'twice', provider: 'openai', encryptedApiKey: gcm.value },
        { tenantId: 'acme', provider: 'openai', encryptedApiKey: gcm.value },
      ]),
    );
  });
  afterAll(async () => world.close());

  const fromFile = (): readonly string[] => ['adopt', 'file', documents, '--create-tenants', '--tenant', 'Umbrella Corp=umbrella', '--service', 'azure=azure-openai'];

  it('a dry run shows what would be adopted, with masked keys, and changes nothing', async () => {
    const { code, stdout, report } = await reported('dry-file', ...fromFile(), '--dry-run');
    expect([code, report.dryRun, report.totals]).toEqual([1, true, { adoptable: 3, refused: 4 }]);
    expect(stdout).toMatch(/initech +openai +default +document 1 .*adoptable/u);
    expect(stdout).toContain('The tenant initech would be made first');
    expect(stdout).toContain('This was a dry run');
    const tenants = await world.platform().must('GET', '/api/v1/tenants');
    expect(tenants.body['items']).toMatchObject([{ id: 'acme' }]);
  });

  it('what lies in Vault is found by its names, read once and only named', async () => {
    const { code, stdout, report } = await reported('vault', 'adopt', 'store', 'vault', '--create-tenants');
    expect(code).toBe(1);
    expect(outcomesOf(report)).toEqual([
      'tenants/acme/api-keys/nothing-known acme/nothing-known: refused',
      'tenants/acme/api-keys/openai acme/openai: adopted',
      'tenants/globex/api-keys/openai globex/openai: adopted',
      'platform/database null/: skipped',
    ]);
    expect(stdout).toMatch(/globex +openai .* vault +Fernet +…/u);
    expect(await versionsInVault(world.vault, 'tenants/acme/api-keys/openai')).toEqual([{ version: 1, state: 'live', fields: { api_key: PLAIN } }]);
    expect([await served('acme'), await served('globex')]).toEqual([PLAIN, token.text]);
  });

  it('documents are adopted as they are, what is not clear is refused line by line, and what serves is never replaced', async () => {
    const { code, stdout, report } = await reported('file', ...fromFile());
    expect([code, report.totals]).toEqual([1, { adopted: 2, refused: 5 }]);
    expect(stdout).toMatch(/document 3, acme\/groq: encryptedApiKey is neither/u);
    expect(stdout).toMatch(/document 4, acme\/anthropic: The value of this credential is encrypted by an earlier system, and could not be read/u);
    expect(stdout).toMatch(/document 7, acme\/openai: There is a credential tenants\/acme\/openai already, in HashiCorp Vault, and it is not this one/u);
    expect(stdout).toContain('Copies of these values remain where they were found');
    expect(await served('initech')).toBe(gcm.text);
    const umbrella = await world.platform().must('GET', '/api/v1/tenants/umbrella/credentials/azure-openai');
    expect(umbrella.body).toMatchObject({ storedIn: 'sealed', legacy: 'fernet', settings: { endpoint: 'https://umbrella.openai.azure.com', deploymentMappings: { 'gpt-4': 'mine' } } });
  });

  it('once more, everything is there already', async () => {
    expect((await reported('again-file', ...fromFile())).report.totals).toEqual({ already: 2, refused: 5 });
    expect((await reported('again-vault', 'adopt', 'store', 'vault')).report.totals).toEqual({ already: 2, refused: 1, skipped: 1 });
  });

  it('R10.3 each item has its rows in the audit log, in the tenant\'s own, too', async () => {
    const actions = async (path: string): Promise<readonly unknown[]> =>
      ((await world.platform().must('GET', path)).body['items'] as Record<string, unknown>[]).filter(({ action }) => action === 'credential.adopt').map(({ phase, outcome }) => [phase, outcome]);
    expect(await actions('/api/v1/tenants/initech/audit')).toEqual([['outcome', 'ok'], ['intent', null], ['outcome', 'ok'], ['intent', null]]);
    expect(await actions('/api/v1/tenants/globex/audit')).toHaveLength(4);
  });

  it('R3.4 migrating rewrites them into Vault, and they serve on', async () => {
    const dry = await reported('dry-migration', 'migrate', 'legacy', '--dry-run');
    expect([dry.code, dry.report.totals]).toEqual([0, { migratable: 3 }]);
    const { code, report, stdout } = await reported('migration', 'migrate', 'legacy');
    expect([code, report.totals]).toEqual([0, { migrated: 3 }]);
    expect(stdout).toContain('Nothing is left of what the earlier system has encrypted');
    expect((await versionsInVault(world.vault, 'tenants/initech/api-keys/openai')).at(-1)?.fields).toEqual({ api_key: gcm.text });
    expect((await versionsInVault(world.vault, 'tenants/umbrella/api-keys/azure-openai')).at(-1)?.fields).toEqual({ api_key: token.text });
    expect((await versionsInVault(world.vault, 'tenants/globex/api-keys/openai')).at(-1)).toMatchObject({ version: 2, fields: { api_key: token.text } });
    expect([await served('initech'), await served('globex'), await served('acme')]).toEqual([gcm.text, token.text, PLAIN]);
    expect((await reported('migration-again', 'migrate', 'legacy')).report.items).toEqual([]);
    expect((await reported('after-migration', ...fromFile())).report.totals).toEqual({ already: 2, refused: 5 });
  });

  it('without the settings nothing is lost: what is migrated serves', async () => {
    await world.product().stop();
    await world.start();
    expect(await served('initech')).toBe(gcm.text);
  });

  it('documents in Cosmos DB are adopted like those in a file', async () => {
    const cosmos = await startCosmosServer();
    await cosmos.fill('app', 'credentials', [
      { id: 'a', tenantId: 'hooli', provider: 'openai', encryptedApiKey: gcm.value, endpoint: null },
      { id: 'b', tenantId: 'hooli', provider: 'openrouter', encryptedApiKey: IN_THE_CLEAR },
    ]);
    await world.product().stop();
    await world.start({ env: legacyEnvironment });
    const file = join(world.dataDir, 'cosmos.json');
    const args = ['adopt', 'cosmos', '--endpoint', cosmos.endpoint, '--database', 'app', '--container', 'credentials', '--create-tenants', '--report', file];
    const env = { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken };
    expect(await runToEnd({ args, dataDir: world.dataDir, env })).toMatchObject({ code: 2, stderr: expect.stringContaining('KEYHOLD_ADOPT_COSMOS_KEY is not set') });
    const { code, output } = await runToEnd({ args, dataDir: world.dataDir, env: { ...env, KEYHOLD_ADOPT_COSMOS_KEY: cosmosKey } });
    await cosmos.close();
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    expect([code, report.totals]).toEqual([1, { adopted: 1, refused: 1 }]);
    for (const secret of [gcm.text, gcm.value, IN_THE_CLEAR, cosmosKey]) expect(output + JSON.stringify(report)).not.toContain(secret);
    expect(await served('hooli')).toBe(gcm.text);
  });

  it('S18 what nothing proves is read by its format alone, and marked in the report', async () => {
    await world.product().stop();
    await world.start({ env: { ...legacyEnvironment, KEYHOLD_LEGACY_CIPHER: 'aes-256-cbc' } });
    const file = join(world.dataDir, 'cbc-documents.json');
    await writeFile(file, ['openai', 'anthropic'].map((provider) => JSON.stringify({ tenantId: 'acme-cbc', provider, encryptedApiKey: cbc.value })).join('\n'));
    const { code, stdout, report } = await reported('cbc', 'adopt', 'file', file, '--create-tenants');
    expect(code).toBe(1);
    expect(report.items).toMatchObject([
      { service: 'openai', outcome: 'adopted', legacy: 'cipher', authenticated: false },
      { service: 'anthropic', outcome: 'refused', reason: expect.stringContaining('could not be read') },
    ]);
    expect(stdout).toContain('iv:salt:ciphertext, unauthenticated');
    expect(report.advice).toContainEqual(expect.stringContaining('1 marked unauthenticated'));
    expect((await reported('cbc-migration', 'migrate', 'legacy')).report.items).toMatchObject([{ tenant: 'hooli', outcome: 'refused' }, { tenant: 'acme-cbc', outcome: 'migrated', authenticated: false }].toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1)));
    expect(await served('acme-cbc')).toBe(cbc.text);
  });

  it('says what is wrong with how it was called, and does nothing', async () => {
    expect(await keyhold('adopt', 'store', 'azure-key-vault')).toMatchObject({ code: 1, stderr: expect.stringContaining('The store azure-key-vault is not switched on here') });
    expect(await keyhold('adopt', 'store', 'sealed')).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was found.') });
    expect(await keyhold('adopt', 'file', join(world.dataDir, 'missing.json'))).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be read') });
    expect(await keyhold('adopt', 'file', documents, '--report', documents)).toMatchObject({ code: 4, stderr: expect.stringContaining('is there already') });
    expect(await keyhold('adopt', 'store', 'vault', '--encryption', 'rot13')).toMatchObject({ code: 2, stderr: expect.stringContaining('fernet or cipher') });
    const tenant = admins.get('acme');
    const { code, stderr } = await runToEnd({ args: ['migrate', 'legacy'], dataDir: world.dataDir, env: { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: tenant ?? '' } });
    expect([code, stderr]).toEqual([1, expect.stringContaining('refused')]);
  });
});
