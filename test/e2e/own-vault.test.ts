import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { tokenFor } from '../support/own-vault-token.ts';
import { readStoredState } from '../support/stored-state.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { startStoreWorld, type StoreWorld } from '../support/store-world.ts';

const FIRST = 'sk-test-own-vault-key-0001';
const SECOND = 'sk-test-own-vault-key-0002';

let world: StoreWorld;
let vaultOfA: VaultServer;
let vaultOfB: VaultServer;

function path({ id }: TestTenant, service = 'openai'): string {
  return `/api/v1/tenants/${id}/credentials/${service}`;
}

function vaultPath({ id }: TestTenant): string {
  return `/api/v1/tenants/${id}/vault`;
}

async function register(tenant: TestTenant, vault: VaultServer): Promise<void> {
  await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vault.address, auth: { token: await tokenFor(vault, tenant.id) } });
}

async function valueIn(vault: VaultServer, tenant: string, service = 'openai'): Promise<unknown> {
  const { status, body } = await vault.call('GET', `secret/data/tenants/${tenant}/api-keys/${service}`);
  return status === 200 ? (body['data'] as { data: Record<string, unknown> }).data['api_key'] : undefined;
}

describeWithVault('a tenant\'s own Vault (S20)', () => {
  beforeAll(async () => {
    [vaultOfA, vaultOfB] = await Promise.all([startVault(), startVault()]);
    world = await startStoreWorld({ KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1', KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true' });
    await writeFile(join(world.dataDir, 'stop-at'), '');
    await world.start({ entry: join(import.meta.dirname, '..', 'support', 'serve-stopping-at.ts'), env: { TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300' } });
  });
  afterAll(async () => {
    await world.close();
    await Promise.all([vaultOfA.close(), vaultOfB.close()]);
  });

  it('R3.1 R10.2 keeps the tenant\'s values there and nowhere else, and another\'s in another', async () => {
    const [acme, globex, plain] = [await world.tenant('acme'), await world.tenant('globex'), await world.tenant('plain')];
    const token = await tokenFor(vaultOfA, 'acme');
    const put = await acme.admin.must('PUT', vaultPath(acme), { kind: 'vault', address: vaultOfA.address, auth: { token } });
    expect(put.status).toBe(201);
    expect(put.body).toMatchObject({ kind: 'vault', address: vaultOfA.address, mount: 'secret', auth: { method: 'token' }, hint: token.slice(-4), takesNew: true, moving: 0 });
    expect(put.text).not.toContain(token);
    await register(globex, vaultOfB);

    const stored = await acme.admin.must('PUT', path(acme), { fields: { api_key: FIRST } });
    expect(stored.body).toMatchObject({ storedIn: 'vault', ownVault: true });
    await globex.admin.must('PUT', path(globex), { fields: { api_key: SECOND } });
    expect((await plain.admin.must('PUT', path(plain), { fields: { api_key: FIRST } })).body).not.toHaveProperty('ownVault');
    expect(await valueIn(vaultOfA, 'acme')).toBe(FIRST);
    expect(await valueIn(vaultOfB, 'acme')).toBeUndefined();
    expect(await valueIn(vaultOfB, 'globex')).toBe(SECOND);
    expect(await valueIn(vaultOfA, 'globex')).toBeUndefined();
    expect(await world.ask(acme.gatewayKey)).toMatchObject({ status: 200, key: FIRST, source: 'tenant' });
    expect(await world.ask(globex.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
    const state = readStoredState(world.dataDir);
    expect(JSON.stringify(state.credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === 'acme'))).toContain('vault:acme/');
    expect(world.product().output()).not.toContain(token);
    expect(world.product().output()).not.toContain(FIRST);
  });

  it('S25 R10.3 only the tenant\'s administrator sees and changes it, with rows in its audit log', async () => {
    const tenant = await world.tenant('mine');
    await register(tenant, vaultOfA);
    for (const method of ['GET', 'PUT', 'DELETE']) expect((await world.platform().call(method, vaultPath(tenant), method === 'PUT' ? { kind: 'vault' } : undefined)).status).toBe(403);
    const rows = (await tenant.admin.must('GET', `/api/v1/tenants/mine/audit?action=own-vault.put`)).body['items'] as { outcome: string; phase: string }[];
    expect(rows.map(({ outcome, phase }) => [phase, outcome])).toContainEqual(['outcome', 'ok']);
  });

  it('S3 needs the secret again when the address changes, and honours If-Match', async () => {
    const tenant = await world.tenant('moves');
    await register(tenant, vaultOfA);
    const shown = await tenant.admin.must('GET', vaultPath(tenant));
    const other = await tenant.admin.call('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfB.address });
    expect([other.status, other.text]).toEqual([400, expect.stringMatching(/auth is missing: .*not as it is registered: address\. /)]);
    expect((await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfA.address, takesNew: false })).body).toMatchObject({ takesNew: false });
    const stale = await tenant.admin.call('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfA.address }, { 'if-match': shown.headers.get('etag') ?? '' });
    expect(stale.status).toBe(412);
    expect((await tenant.admin.call('DELETE', vaultPath(tenant))).status).toBe(204);
    expect((await tenant.admin.call('GET', vaultPath(tenant))).status).toBe(404);
  });

  it('refuses what cannot be signed in to, unless told otherwise, and never quotes it', async () => {
    const tenant = await world.tenant('wrong');
    const body = { kind: 'vault', address: vaultOfA.address, auth: { token: 'hvs.wrong-token-000000000001' } };
    const refused = await tenant.admin.call('PUT', vaultPath(tenant), body);
    expect([refused.status, refused.text]).toEqual([400, expect.stringMatching(/\(\?force=true registers it all the same\)\. Your Vault refuses the token: .* -period=768h"/)]);
    expect(refused.text).not.toContain('hvs.wrong');
    expect((await tenant.admin.must('PUT', `${vaultPath(tenant)}?force=true`, body)).body['steps']).toContainEqual(expect.objectContaining({ step: 'sign-in', outcome: 'failed' }));
    expect((await tenant.admin.call('PUT', path(tenant), { fields: { api_key: FIRST } })).status).toBe(503);
    expect(readStoredState(world.dataDir).sealedValues.filter(({ name }) => name.includes('wrong/openai'))).toEqual([]);
  });

  it.each([
    ['read', 'secret/metadata/tenants/tried-1/api-keys/*', 'write'],
    ['create', 'secret/data/', 'write'],
    ['update', 'secret/undelete/', 'delete'],
    ['update', 'secret/destroy/', 'delete'],
  ])('the trial names the missing %s on %s', async (capability, rule, step) => {
    const id = rule.includes('tried-1') ? 'tried-1' : `tried-${rule.length}`;
    const tenant = await world.tenant(id);
    await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfA.address, auth: { token: await tokenFor(vaultOfA, id, rule) } });
    const { body } = await tenant.admin.must('POST', `${vaultPath(tenant)}/test`);
    expect(body['ok']).toBe(false);
    const failed = (body['steps'] as { step: string; outcome: string; reason?: string; grant?: string }[]).find(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ step, reason: expect.stringContaining(`does not allow ${capability} on ${rule.replace('*', '')}`), grant: expect.stringContaining('capabilities = ["create", "update", "read"]') });
  });

  it('the trial passes with the policy that it names, any number of times, and leaves no value', async () => {
    const tenant = await world.tenant('fits');
    await register(tenant, vaultOfA);
    for (let time = 0; time < 2; time += 1) {
      expect((await tenant.admin.must('POST', `${vaultPath(tenant)}/test`)).body).toMatchObject({ ok: true, steps: ['address', 'sign-in', 'write', 'read', 'list', 'delete'].map((step) => ({ step, outcome: 'ok' })) });
    }
    expect((await vaultOfA.call('GET', 'secret/data/tenants/fits/api-keys/keyhold-connection-test')).status).toBe(404);
  });

  it('R3.5 moves what the tenant has there, back when told, and is not forgotten while it keeps anything', async () => {
    const tenant = await world.tenant('mover');
    await tenant.admin.must('PUT', path(tenant), { fields: { api_key: FIRST } });
    const token = await tokenFor(vaultOfA, tenant.id);
    const { body } = await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfA.address, auth: { token } });
    expect(body['moving']).toBe(1);
    const stored = async () => (await tenant.admin.must('GET', path(tenant))).body;
    await eventually(async () => (await stored())['ownVault'] === true, () => 'the value was not moved into the own vault');
    expect(await valueIn(vaultOfA, tenant.id)).toBe(FIRST);
    const kept = await tenant.admin.call('DELETE', vaultPath(tenant));
    expect([kept.status, kept.text]).toEqual([409, expect.stringContaining('takesNew')]);
    expect((await tenant.admin.call('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfB.address, auth: { token: await tokenFor(vaultOfB, tenant.id) } })).status).toBe(409);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
    expect((await tenant.admin.must('PUT', vaultPath(tenant), { kind: 'vault', address: vaultOfA.address, takesNew: false })).body['moving']).toBe(1);
    await eventually(async () => (await stored())['ownVault'] === undefined, () => 'the value was not moved back');
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
    expect(await stored()).toMatchObject({ storedIn: 'sealed', version: 1 });
  });

  it('?force=true forgets a vault that still keeps keys: they are gone until they are stored again', async () => {
    const tenant = await world.tenant('forced');
    await register(tenant, vaultOfA);
    await tenant.admin.must('PUT', path(tenant), { fields: { api_key: FIRST } });
    expect((await tenant.admin.call('DELETE', `${vaultPath(tenant)}?force=true`)).status).toBe(204);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 500, code: 'corrupt' });
    expect((await tenant.admin.must('PUT', path(tenant), { fields: { api_key: SECOND } })).body).toMatchObject({ storedIn: 'sealed', version: 2 });
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
    expect(await valueIn(vaultOfA, tenant.id)).toBe(FIRST);
  });

  it('S20 an outage of one tenant\'s vault is 503 for that tenant alone, and nothing falls into our database', async () => {
    const [down, up] = [await world.tenant('down'), await world.tenant('up')];
    const fragile = await startVault({ storage: 'file' });
    await register(down, fragile);
    await register(up, vaultOfA);
    await fragile.kill();
    expect(await down.admin.call('PUT', path(down), { fields: { api_key: FIRST } })).toMatchObject({ status: 503, text: expect.stringContaining('own vault') });
    await up.admin.must('PUT', path(up), { fields: { api_key: SECOND } });
    expect(await world.ask(up.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
    await fragile.start();
    await eventually(async () => (await down.admin.call('PUT', path(down), { fields: { api_key: FIRST } })).status < 300, () => 'the vault was not found again');
    expect(await valueIn(fragile, 'down')).toBe(FIRST);
    await fragile.close();
  });
});
