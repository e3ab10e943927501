import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gcm, token } from '../support/adoption-world.ts';
import { type AzureWorld, startAzureWorld } from '../support/azure-world.ts';
import { legacyEnvironment } from '../support/legacy-settings.ts';
import { runToEnd, testAdminToken } from '../support/product.ts';

const KEY = 'sk-test-in-key-vault-000001';

let world: AzureWorld;
let runs = 0;

async function adopt(...args: readonly string[]): Promise<{ readonly code: number | null; readonly items: readonly Readonly<Record<string, unknown>>[] }> {
  runs += 1;
  const file = join(world.dataDir, `report-${runs}.json`);
  const { code, output } = await runToEnd({ args: ['adopt', ...args, '--report', file], dataDir: world.dataDir, env: { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken } });
  const text = await readFile(file, 'utf8').catch(() => output);
  for (const secret of [KEY, gcm.text, gcm.value, token.text, token.token]) expect(output + text).not.toContain(secret);
  return { code, items: (JSON.parse(text) as { readonly items: readonly Readonly<Record<string, unknown>>[] }).items };
}

describe('R6.3 adopting what lies in Azure Key Vault', () => {
  beforeAll(async () => {
    world = await startAzureWorld();
    const secrets = world.administrator;
    await secrets.setSecret('ai-provider-openai-tenant-acme', KEY);
    await secrets.setSecret('ai-provider-groq-tenant-acme', token.token);
    await secrets.setSecret('ai-provider-anthropic-system', 'sk-ant-test-platform-key-01');
    await secrets.setSecret('ai-provider-notes', 'nobody\'s');
    await secrets.setSecret('another-application', 'never looked at');
    await world.start({ env: legacyEnvironment });
    await world.platform().must('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
  });
  afterAll(() => world.close());

  it('documents that name their secret there, and legacy values beside them', async () => {
    const documents = join(world.dataDir, 'documents.json');
    await writeFile(
      documents,
      JSON.stringify([
        { tenantId: 'acme', provider: 'openai', encryptedApiKey: 'ai-provider-openai-tenant-acme' },
        { tenantId: 'acme', provider: 'mistral', encryptedApiKey: 'ai-provider-mistral-tenant-globex' },
        { tenantId: 'acme', provider: 'xai', encryptedApiKey: 'ai-provider-xai-tenant-acme' },
        { tenantId: 'acme', provider: 'openrouter', encryptedApiKey: gcm.value },
      ]),
    );
    const { code, items } = await adopt('file', documents);
    expect(code).toBe(1);
    expect(items).toMatchObject([
      { service: 'openai', outcome: 'adopted', storedIn: 'azure-key-vault', hints: { api_key: '0001' } },
      { service: 'mistral', outcome: 'refused', reason: expect.stringContaining('lies at ai-provider-mistral-tenant-acme, and another name was given') },
      { service: 'xai', outcome: 'refused', reason: 'There is nothing at ai-provider-xai-tenant-acme in Azure Key Vault, or it is deleted there.' },
      { service: 'openrouter', outcome: 'adopted', storedIn: 'sealed', legacy: 'cipher' },
    ]);
  });

  it('names of credentials, and no others', async () => {
    const { code, items } = await adopt('store', 'azure-key-vault');
    expect(code).toBe(0);
    expect(items).toMatchObject([
      { from: 'ai-provider-anthropic-system', tenant: null, service: 'anthropic', outcome: 'adopted' },
      { from: 'ai-provider-groq-tenant-acme', service: 'groq', outcome: 'adopted', legacy: 'fernet' },
      { from: 'ai-provider-openai-tenant-acme', service: 'openai', outcome: 'already' },
      { from: 'ai-provider-notes', outcome: 'skipped' },
    ]);
    expect((await world.versions('ai-provider-openai-tenant-acme')).map(({ value }) => value)).toEqual([KEY]);
  });

  it('R3.4 all serve, and migrating rewrites what was encrypted into the vault', async () => {
    const made = await world.platform().must('POST', '/api/v1/tenants/acme/tokens', { name: 'first', role: 'tenant-admin' });
    const { code } = await runToEnd({ args: ['migrate', 'legacy'], dataDir: world.dataDir, env: { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken } });
    expect(code).toBe(0);
    expect([await world.newest('ai-provider-groq-tenant-acme'), await world.newest('ai-provider-openrouter-tenant-acme')]).toEqual([token.text, gcm.text]);
    const response = await fetch(`${world.product().url}/api/v1/tenants/acme/gateway-keys`, { method: 'POST', headers: { authorization: `Bearer ${String(made.body['token'])}`, 'content-type': 'application/json' }, body: '{"name":"application"}' });
    const { key } = (await response.json()) as { readonly key: string };
    expect(await world.ask(key)).toMatchObject({ status: 200, source: 'tenant', key: KEY });
  });
});
