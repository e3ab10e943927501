import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { secretClient } from '../support/servers/azure/sdk-clients.ts';
import { type AzureServer, startAzureServer } from '../support/servers/azure/server.ts';
import type { AzureApp } from '../support/servers/azure/directory.ts';
import type { AzureVault } from '../support/servers/azure/vault.ts';
import { startStoreWorld, type StoreWorld } from '../support/store-world.ts';
import { readStoredState } from '../support/stored-state.ts';

const OURS = 'sk-test-ours-key-00000001';
const THEIRS = 'sk-test-theirs-key-000001';
const NEEDED = ['get', 'list', 'set', 'delete', 'recover'] as const;

let azure: AzureServer;
let world: StoreWorld;
let vault: AzureVault;
let app: AzureApp;

function vaultPath({ id }: TestTenant): string {
  return `/api/v1/tenants/${id}/vault`;
}

function body(): Record<string, unknown> {
  return { kind: 'azure-key-vault', url: vault.url, tenantId: azure.directory.tenantId, clientId: app.clientId, clientSecret: [...app.secrets].at(-1) };
}

describe('a tenant\'s own Azure Key Vault (S20)', () => {
  beforeAll(async () => {
    azure = await startAzureServer();
    azure.trust();
    vault = await azure.addVault({ name: 'theirs' });
    app = azure.directory.addApp();
    vault.permissions.setPolicy(app, { secrets: [...NEEDED] });
    // Ours may do everything in theirs, too: nothing of ours must ever be used there.
    vault.permissions.setPolicy(azure.app, { secrets: [...NEEDED, 'purge'] });
    world = await startStoreWorld({ ...azure.environment(), KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1,localhost' });
    await writeFile(join(world.dataDir, 'stop-at'), '');
    await world.start({ entry: join(import.meta.dirname, '..', 'support', 'serve-stopping-at.ts'), env: { TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300', TEST_RETIRE_MS: '500' } });
  });
  afterAll(async () => {
    await world.close();
    await azure.close();
  });

  it('keeps the tenant\'s values there, reached as the tenant\'s service principal alone, beside our own vault', async () => {
    const [own, other] = [await world.tenant('own'), await world.tenant('other')];
    const put = await own.admin.must('PUT', vaultPath(own), body());
    expect(put.text).not.toContain(String(body()['clientSecret']));
    const stored = await own.admin.must('PUT', '/api/v1/tenants/own/credentials/openai', { fields: { api_key: THEIRS } });
    expect(stored.body).toMatchObject({ storedIn: 'azure-key-vault', ownVault: true });
    await other.admin.must('PUT', '/api/v1/tenants/other/credentials/openai', { fields: { api_key: OURS } });
    expect(await world.ask(own.gatewayKey)).toMatchObject({ status: 200, key: THEIRS });
    expect(await world.ask(other.gatewayKey)).toMatchObject({ status: 200, key: OURS });
    const inTheirs = azure.calls({ where: 'theirs', authenticated: true });
    expect(new Set(inTheirs.map(({ clientId }) => clientId))).toEqual(new Set([app.clientId]));
    expect(inTheirs.filter(({ name }) => name?.includes('other'))).toEqual([]);
    expect(azure.calls({ where: 'keyhold-test' }).filter(({ name, clientId }) => name?.includes('tenant-own') || clientId === app.clientId)).toEqual([]);
    expect(world.product().output()).not.toContain(THEIRS);
    expect(readStoredState(world.dataDir).sealedValues.map(({ name }) => name).filter((name) => name.includes('openai'))).toEqual([]);
  });

  it('R3.5 a key that was there before moves into it, and leaves it with nothing in use when the tenant leaves', async () => {
    const tenant = await world.tenant('mover');
    const path = '/api/v1/tenants/mover/credentials/openai';
    const name = 'ai-provider-openai-tenant-mover';
    const readIn = async (options: Parameters<typeof secretClient>[1]): Promise<string | undefined> => secretClient(azure, options).getSecret(name).then(({ value }) => value, () => undefined);
    await tenant.admin.must('PUT', path, { fields: { api_key: OURS } });
    expect((await tenant.admin.must('PUT', vaultPath(tenant), body())).body['moving']).toBe(1);
    const isOwn = async (): Promise<boolean> => (await tenant.admin.must('GET', path)).body['ownVault'] === true;
    await until('it has moved in', isOwn);
    await until('nothing is left in ours', async () => (await readIn({})) === undefined);
    expect([await readIn({ vault }), await world.ask(tenant.gatewayKey)]).toEqual([OURS, expect.objectContaining({ status: 200, key: OURS })]);

    const { clientSecret: _secret, ...place } = body();
    await tenant.admin.must('PUT', vaultPath(tenant), { ...place, takesNew: false });
    const early = await tenant.admin.call('DELETE', vaultPath(tenant));
    if (early.status !== 204) expect([early.status, early.text]).toEqual([409, expect.stringContaining('repeat this in a few minutes')]);
    await until('the vault is let go', async () => [204, 404].includes((await tenant.admin.call('DELETE', vaultPath(tenant))).status));
    expect([await isOwn(), await readIn({}), await readIn({ vault })]).toEqual([false, OURS, undefined]);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: OURS });
  });

  it('the trial names the missing role and the command that grants it, where the vault goes by roles', async () => {
    const tenant = await world.tenant('lacks-role');
    vault.settings.authorization = 'rbac';
    try {
      await tenant.admin.must('PUT', vaultPath(tenant), body());
      const { body: result } = await tenant.admin.must('POST', `${vaultPath(tenant)}/test`);
      const failed = (result['steps'] as { outcome: string }[]).filter(({ outcome }) => outcome === 'failed');
      expect(failed).toEqual([expect.objectContaining({ step: 'write', grant: expect.stringContaining(`az role assignment create --role "Key Vault Secrets Officer" --assignee ${app.objectId}`) })]);
    } finally {
      vault.settings.authorization = 'access-policies';
    }
  });

  it.each([
    ['set', 'write'],
    ['get', 'read'],
    ['list', 'list'],
    ['delete', 'delete'],
    ['recover', 'delete'],
  ] as const)('the trial names the missing permission %s and the command that grants it', async (permission, step) => {
    const tenant = await world.tenant(`lacks-${permission}`);
    vault.permissions.setPolicy(app, { secrets: NEEDED.filter((each) => each !== permission) });
    try {
      await tenant.admin.must('PUT', vaultPath(tenant), body());
      const { body: result } = await tenant.admin.must('POST', `${vaultPath(tenant)}/test`);
      const failed = (result['steps'] as { outcome: string }[]).filter(({ outcome }) => outcome === 'failed');
      expect(failed).toEqual([expect.objectContaining({ step, reason: expect.stringContaining(`does not have secrets ${permission} permission`), grant: expect.stringContaining('az keyvault set-policy') })]);
    } finally {
      vault.permissions.setPolicy(app, { secrets: [...NEEDED] });
    }
  });

  it.each([0, 700])('the trial passes with these permissions, and leaves nothing in use, where the vault takes %i ms to delete and recover', async (ms) => {
    const tenant = await world.tenant(`fits-${ms}`);
    Object.assign(vault.durations, { deletingMs: ms, recoveringMs: ms / 2, recoverySettlingMs: ms / 2 });
    try {
      await tenant.admin.must('PUT', vaultPath(tenant), body());
      expect((await tenant.admin.must('POST', `${vaultPath(tenant)}/test`)).body).toMatchObject({ ok: true });
    } finally {
      Object.assign(vault.durations, { deletingMs: 0, recoveringMs: 0, recoverySettlingMs: 0 });
    }
    const left: string[] = [];
    for await (const { name } of secretClient(azure, { vault }).listPropertiesOfSecrets()) left.push(name);
    expect(left.filter((name) => name.includes(`connection-test-tenant-${tenant.id}`))).toEqual([]);
  });

  it('S16 what remains in it when its tenant goes stands on the certificate with its date, and so does what our own vault can only switch off', { timeout: 120_000 }, async () => {
    const [own, other] = [await world.tenant('leaving'), await world.tenant('revoked')];
    await own.admin.must('PUT', vaultPath(own), body());
    await own.admin.must('PUT', '/api/v1/tenants/leaving/credentials/openai', { fields: { api_key: THEIRS } });
    await other.admin.must('PUT', '/api/v1/tenants/revoked/credentials/openai', { fields: { api_key: OURS } });
    await other.admin.must('POST', '/api/v1/tenants/revoked/credentials/openai/revoke', { reason: 'leaked' });
    for (const { id } of [own, other]) await world.platform().must('DELETE', `/api/v1/tenants/${id}`);
    const copiesOf = async (tenant: string): Promise<unknown> => {
      const { body: shown } = await world.platform().must('GET', `/api/v1/platform/shreddings?tenant=${tenant}`);
      const note = (shown['items'] as { readonly certificate: string | null }[])[0]?.certificate ?? null;
      if (note === null) return undefined;
      return (JSON.parse(note.slice(note.indexOf('{'), note.lastIndexOf('}') + 1)) as { readonly remainingCopies: readonly unknown[] }).remainingCopies.slice(1);
    };
    await until('both are certified', async () => (await copiesOf('leaving')) !== undefined && (await copiesOf('revoked')) !== undefined, 90_000);
    expect(await copiesOf('leaving')).toEqual([{ what: expect.stringContaining('soft-deleted'), place: 'ai-provider-openai-tenant-leaving', until: expect.stringMatching(/^20/) }]);
    expect(await copiesOf('revoked')).toEqual([{ what: expect.stringContaining('switched off'), place: 'ai-provider-openai-tenant-revoked', until: null }]);
  });

  it('refuses a wrong client secret in words of our own', async () => {
    const tenant = await world.tenant('wrong');
    const refused = await tenant.admin.call('PUT', vaultPath(tenant), { ...body(), clientSecret: 'wrong-client-secret-0001' });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('does not let Keyhold sign in')]);
    expect(refused.text).not.toMatch(/wrong-client-secret|AADSTS/);
  });
});
