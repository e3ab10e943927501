import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { tokenFor } from '../support/own-vault-token.ts';
import { readStoredState } from '../support/stored-state.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { makeCertificate } from '../support/servers/vault-certificates.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { startStoreWorld, type StoreWorld } from '../support/store-world.ts';
import { newAppRole } from '../support/vault-fixture.ts';

const KEY = 'sk-test-own-life-key-00001';
const entry = join(import.meta.dirname, '..', 'support', 'serve-stopping-at.ts');

let world: StoreWorld;
let vault: VaultServer;

function vaultPath({ id }: TestTenant): string {
  return `/api/v1/tenants/${id}/vault`;
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await world.start({ entry, env: { TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300', ...env } });
}

async function tenantWithVault(id: string): Promise<TestTenant & { readonly token: string }> {
  const tenant = await world.tenant(id);
  const token = await tokenFor(vault, id);
  await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vault.address, auth: { token } });
  await tenant.admin.must('PUT', `/api/v1/tenants/${id}/credentials/openai`, { fields: { api_key: KEY } });
  return { ...tenant, token };
}

async function inVault(id: string): Promise<string> {
  const { status, text } = await vault.call('GET', `secret/data/tenants/${id}/api-keys/openai`).then(({ status, body }) => ({ status, text: JSON.stringify(body) }));
  return status === 200 ? text : '';
}

async function tenantState(id: string): Promise<unknown> {
  const answer = await world.platform().call('GET', `/api/v1/tenants/${id}`);
  return answer.status === 404 ? 'gone' : answer.body['state'];
}

describeWithVault('the life of a tenant\'s own vault (S20)', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    vault = await startVault({ storage: 'file' });
    world = await startStoreWorld({ KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1,localhost', KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true' });
    await writeFile(join(world.dataDir, 'stop-at'), '');
    await start();
  });
  afterAll(async () => {
    await world.close();
    await vault.close();
  });

  it('outlives a restart; what opens it stands sealed in the database, and neither it nor a value stands anywhere else', async () => {
    const tenant = await tenantWithVault('kept');
    await world.product().stop();
    await start();
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
    expect(readStoredState(world.dataDir).sealedValues.map(({ name }) => name)).toContainEqual(expect.stringContaining('kept/own-vault/'));
    for (const file of await readdir(world.dataDir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const bytes = await readFile(join(file.parentPath, file.name), 'latin1');
      expect([file.name, bytes.includes(tenant.token), bytes.includes(KEY)]).toEqual([file.name, false, false]);
    }
    expect(world.product().output()).not.toContain(tenant.token);
    expect(world.product().output()).not.toContain(KEY);
  });

  it.each(['put.begun', 'put.stored', 'put.committed'])('kill -9 at %s of a write there: resumed by the next start, and only there', async (step) => {
    const tenant = await tenantWithVault(`killed-${step.replace('.', '-')}`);
    await writeFile(join(world.dataDir, 'stop-at'), `stop ${step}\n`);
    await tenant.admin.call('PUT', `/api/v1/tenants/${tenant.id}/credentials/openai`, { fields: { api_key: `${KEY}-second` } }).catch(() => undefined);
    await world.product().exited;
    await writeFile(join(world.dataDir, 'stop-at'), '');
    await start();
    const { key } = await world.ask(tenant.gatewayKey);
    expect(key).toBe(step === 'put.begun' ? KEY : `${KEY}-second`);
    const record = readStoredState(world.dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant.id);
    expect(record?.intent).toBeNull();
    expect(record?.current?.reference.store).toMatch(/^vault:killed-/);
  });

  it('R3.6 values are sealed before it gets them, where the operator says so', async () => {
    await world.product().stop();
    await start({ KEYHOLD_SEAL_BEFORE_STORE: 'true' });
    const tenant = await tenantWithVault('sealed-there');
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
    expect(await inVault(tenant.id)).not.toBe('');
    expect(await inVault(tenant.id)).not.toContain(KEY);
    await world.product().stop();
    await start();
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
  });

  it('goes with its tenant: values there are destroyed, and what opened it, too', async () => {
    const tenant = await tenantWithVault('leaving');
    await world.platform().must('DELETE', `/api/v1/tenants/${tenant.id}`);
    await eventually(async () => ['deleted', 'gone'].includes(String(await tenantState(tenant.id))), () => 'the tenant was not removed', 60_000);
    expect(await inVault(tenant.id)).toBe('');
    expect(readStoredState(world.dataDir).sealedValues.filter(({ name }) => name.includes('leaving'))).toEqual([]);
  });

  it('S16 a vault that is away holds a removal up; shredding the tenant gives it up, and takes what opens it', async () => {
    const tenant = await tenantWithVault('shredded');
    await vault.kill();
    await world.platform().must('POST', `/api/v1/tenants/${tenant.id}/shred`);
    await eventually(async () => ['deleted', 'gone'].includes(String(await tenantState(tenant.id))), () => 'the tenant was not removed', 60_000);
    expect(readStoredState(world.dataDir).sealedValues.filter(({ name }) => name.includes('shredded/own-vault'))).toEqual([]);
    await vault.start();
    expect(await inVault(tenant.id)).toContain(KEY);
    expect(world.product().logLines().filter(({ event }) => event === 'left_in_own_vault')).not.toEqual([]);
  });

  it('R2.1 an AppRole, and a certificate of a CA of the tenant\'s own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-own-tls-'));
    const tls = await makeCertificate(vault, folder, 'server');
    const secured = await startVault({ storage: 'file', tls });
    try {
      const tenant = await world.tenant('secured');
      const role = await newAppRole(secured);
      const auth = { roleId: role.roleId, secretId: await role.newSecretId() };
      const untrusted = await tenant.admin.call('PUT', vaultPath(tenant), { kind: 'vault', address: secured.address, auth });
      expect([untrusted.status, untrusted.text]).toEqual([400, expect.stringContaining('caCertificate')]);
      const put = await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: secured.address, auth, caCertificate: await readFile(tls.ca, 'utf8') });
      expect(put.body).toMatchObject({ auth: { method: 'app-role', roleId: auth.roleId } });
      expect(put.text).not.toContain(auth.secretId);
      await tenant.admin.must('PUT', `/api/v1/tenants/${tenant.id}/credentials/openai`, { fields: { api_key: KEY } });
      expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
    } finally {
      await secured.close();
      await rm(folder, { recursive: true });
    }
  });
});
