import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, handOver } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { usageEvents } from '../support/product-with-provider.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { pathOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';
const OWN = 'sk-test-own-key-in-vault-1';

let world: VaultWorld;

function live(fields: object): object {
  return { state: 'live', fields };
}

describeWithVault('Keyhold on a real Vault', () => {
  beforeAll(async () => {
    world = await startVaultWorld();
    await world.cli('kv', 'put', 'secret/ai-gateway', `OPENAI_API_KEY=${OWN}`, 'ANTHROPIC_API_KEY=sk-ant-test-own-key-1', 'SESSION_SECRET=test-session-secret-1', 'DATABASE_PASSWORD=test-database-password');
    await world.start({ env: { KEYHOLD_LOG_LEVEL: 'debug' } });
  });
  afterAll(async () => world.close());

  it('R3.9, R2.5 starts in order, each part with its line, own keys first', () => {
    const lines = world.product().logLines().map(({ event, msg }) => `${String(event)}: ${String(msg)}`);
    const expected = [
      `vault_connected: Connected to Vault at ${world.vault.address}`,
      'secret_fetched_from_vault: A key of the service was fetched from Vault',
      'database_connected: SQLite connection established for auth services',
      'secret_store_ready: HashiCorp Vault service initialized',
      'credential_service_ready: AI Config service initialized with HashiCorp Vault',
      'sign_in_ready: Sign-in initialized',
      'routes_ready: Routes initialized',
    ];
    expect(lines.filter((line, index) => expected.includes(line) && lines.indexOf(line) === index)).toEqual(expected);
    const fetched = world.product().logLines().filter(({ event }) => event === 'secret_fetched_from_vault');
    expect(new Set(fetched.map(({ key }) => key).slice(0, 4))).toEqual(new Set(['ANTHROPIC_API_KEY', 'DATABASE_PASSWORD', 'OPENAI_API_KEY', 'SESSION_SECRET']));
    expect(lines).not.toContain('own_keys_from_environment: Using environment variables for secrets');
  });

  it('R4.16, R4.17, R0.2 tells how Vault is', async () => {
    const { url } = world.product();
    expect(await (await fetch(`${url}/api/v1/health`)).json()).toEqual({ status: 'ok', secrets: { vault_enabled: true, vault_connected: true } });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true, degraded: [] });
    expect((await world.platform().must('GET', '/api/brain/vault/health')).body).toMatchObject({ status: 'healthy', stores: [{ id: 'vault', kind: 'vault', connected: true }, { id: 'sealed', connected: true }] });
    expect((await world.platform().must('GET', '/api/v1/stores')).body['items']).toMatchObject([{ kind: 'vault', takesNew: true }, { kind: 'sealed', takesNew: false }]);
  });

  it('R4.1, R2.2 keeps a key where the layout says, and it serves from there', async () => {
    const tenant = await world.tenant('acme');
    const { body } = await tenant.admin.must('POST', '/tenant/ai/credentials/openai', { apiKey: FIRST });
    expect(body).toEqual({ success: true, message: 'Credentials stored securely in HashiCorp Vault', provider: 'openai' });
    expect((await tenant.admin.must('GET', '/api/v1/tenants/acme/credentials/openai')).body).toMatchObject({ storedIn: 'vault', hints: { api_key: '0001' } });
    expect(await versionsInVault(world.vault, 'tenants/acme/api-keys/openai')).toEqual([{ version: 1, ...live({ api_key: FIRST }) }]);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: FIRST });
    const added = world.product().logLines().find(({ event, tenantId }) => event === 'tenant-ai-credentials.added' && tenantId === 'acme');
    expect(added).toMatchObject({ storedIn: 'vault', provider: 'openai' });
    await tenant.admin.must('PUT', '/api/v1/tenants/acme/credentials/openai?label=batch-jobs', { fields: { api_key: SECOND } });
    expect(await versionsInVault(world.vault, 'tenants/acme/api-keys/openai/batch-jobs')).toMatchObject([live({ api_key: SECOND })]);
    await world.platform().must('PUT', '/api/v1/platform/credentials/groq', { fields: { api_key: SECOND }, offerTo: 'none' });
    expect(await versionsInVault(world.vault, 'platform/groq-api-key')).toMatchObject([live({ api_key: SECOND })]);
    await tenant.admin.must('PUT', '/api/v1/tenants/acme/credentials/twilio', { fields: { account_sid: 'AC-test-account-sid-1', auth_token: 'test-auth-token-1' } });
    expect(await versionsInVault(world.vault, pathOf(tenant, 'twilio'))).toMatchObject([live({ account_sid: 'AC-test-account-sid-1', auth_token: 'test-auth-token-1' })]);
  });

  it('R3.9 says where a key was read, and where it was not', async () => {
    const tenant = await tenantWithKey(world, 'reader', FIRST);
    await world.ask(tenant.gatewayKey);
    await world.ask(tenant.gatewayKey);
    const lines = world.product().logLines().map(({ level, msg }) => `${String(level)} ${String(msg)}`);
    expect(lines.filter((line) => line === 'info Retrieved API key from Vault: tenants/reader/openai')).toHaveLength(1);
    expect(lines).toContain('debug Cache hit for secret: tenants/reader/openai');
  });

  it('R3.7 replaced, disabled, deleted, recovered, revoked, purged: each shows in Vault itself', async () => {
    const tenant = await tenantWithKey(world, 'cycle', FIRST);
    const at = '/api/v1/tenants/cycle/credentials/openai';
    const inVault = async (): Promise<unknown> => (await versionsInVault(world.vault, pathOf(tenant))).map(({ state, fields }) => fields?.['api_key'] ?? state);
    await handOver(tenant, 'openai', SECOND);
    expect([await inVault(), (await world.ask(tenant.gatewayKey)).key]).toEqual([[FIRST, SECOND], SECOND]);
    await tenant.admin.must('PATCH', at, { disabled: true });
    expect([await inVault(), await world.ask(tenant.gatewayKey)]).toEqual([[FIRST, SECOND], { status: 424, code: 'no_credential', source: null, key: null }]);
    await tenant.admin.must('PATCH', at, { disabled: false });
    await tenant.admin.must('DELETE', at);
    expect(await inVault()).toEqual([FIRST, 'removed']);
    await tenant.admin.must('POST', `${at}/recover`);
    expect([await inVault(), (await world.ask(tenant.gatewayKey)).key]).toEqual([[FIRST, SECOND], SECOND]);
    await tenant.admin.must('POST', `${at}/revoke`, { reason: 'leaked' });
    expect([await inVault(), (await world.ask(tenant.gatewayKey)).status]).toEqual([['destroyed', 'destroyed'], 424]);
    await handOver(tenant, 'openai', FIRST);
    expect(await inVault()).toEqual(['destroyed', 'destroyed', FIRST]);
    await tenant.admin.must('DELETE', at);
    await tenant.admin.must('POST', `${at}/purge`);
    expect(await inVault()).toEqual(['destroyed', 'destroyed', 'destroyed']);
  });

  it('R2.3, R3.3 the documented command feeds the service\'s own keys, which serve under the tenant\'s policy and are named', async () => {
    const tenant = await world.tenant('keyless');
    expect(await world.ask(tenant.gatewayKey)).toEqual({ status: 200, code: null, source: 'environment', key: OWN });
    const [event] = await usageEvents(tenant);
    expect(event).toMatchObject({ keySource: 'environment', credentialId: null, credentialVersion: null });
    // S1: shared, so nothing of the account.
    const models = await apiOf(world.product().url, tenant.gatewayKey).call('GET', '/v1/models');
    expect([models.status, models.text]).toEqual([403, expect.stringContaining('shared')]);
    await tenant.admin.must('PUT', '/api/v1/tenants/keyless/policy', { platformFallback: false });
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 424, code: 'no_credential' });
    const other = await world.tenant('keyless-2');
    await world.platform().must('PUT', '/api/v1/platform/credentials/openai', { fields: { api_key: SECOND } });
    expect(await world.ask(other.gatewayKey)).toMatchObject({ source: 'platform', key: SECOND });
    await world.platform().must('POST', '/api/v1/platform/credentials/openai/revoke', {});
    expect(await world.ask(other.gatewayKey)).toMatchObject({ status: 424, source: null });
  });

  it('S17 a key changed in Vault by hand is reported, and taken over only where the policy says so', async () => {
    const tenant = await tenantWithKey(world, 'handmade', FIRST);
    await world.ask(tenant.gatewayKey);
    await world.cli('kv', 'put', `secret/${pathOf(tenant)}`, `api_key=${SECOND}`);
    world.provider.keys = new Set([SECOND, OWN]);
    try {
      expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 401, source: 'tenant', key: FIRST });
      const reported = await until('it is reported', () => world.product().logLines().find(({ event, tenantId }) => event === 'changed_outside' && tenantId === 'handmade'));
      expect(reported).toMatchObject({ level: 'warn', version: '2', storedIn: 'vault', code: 'permission_denied' });
      expect((await tenant.admin.must('GET', '/api/v1/tenants/handmade/audit?action=credential.changed_outside')).body['items']).toMatchObject([{ phase: 'outcome', outcome: 'denied' }, { phase: 'intent', actor: { kind: 'system' } }]);

      const willing = await world.tenant('willing');
      await willing.admin.must('PUT', '/api/v1/tenants/willing/policy', { adoptOutsideChanges: true });
      await handOver(willing, 'openai', FIRST);
      await world.cli('kv', 'put', `secret/${pathOf(willing)}`, `api_key=${SECOND}`);
      expect(await world.ask(willing.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: SECOND });
      expect((await willing.admin.must('GET', '/api/v1/tenants/willing/credentials/openai')).body).toMatchObject({ version: 2, hints: { api_key: '0002' } });
      expect((await willing.admin.must('GET', '/api/v1/tenants/willing/audit?action=credential.changed_outside')).body['items']).toMatchObject([{ outcome: 'ok' }, { phase: 'intent' }]);
    } finally {
      world.provider.keys = null;
    }
    await handOver(tenant, 'openai', FIRST);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
  });

  it('R3.3 a key that somebody deleted in Vault is «corrupt», never «none», serves again when it is undeleted, and can be stored again when Vault has forgotten it', async () => {
    const tenant = await tenantWithKey(world, 'deleted-by-hand', FIRST);
    await world.cli('kv', 'delete', `secret/${pathOf(tenant)}`);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 500, code: 'corrupt', key: null });
    await world.cli('kv', 'undelete', '-versions=1', `secret/${pathOf(tenant)}`);
    await until('it serves again', async () => (await world.ask(tenant.gatewayKey)).key === FIRST);
    await world.cli('kv', 'metadata', 'delete', `secret/${pathOf(tenant)}`);
    await handOver(tenant, 'openai', SECOND);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
  });

  it('S17 what somebody wrote by hand and could not be a key is never taken over', async () => {
    const tenant = await world.tenant('clumsy');
    await tenant.admin.must('PUT', '/api/v1/tenants/clumsy/policy', { adoptOutsideChanges: true });
    await handOver(tenant, 'openai', FIRST);
    await world.vault.ask('POST', `secret/data/${pathOf(tenant)}`, { data: { api_key: `${SECOND}\n` } });
    await world.vault.ask('POST', `secret/data/${pathOf(tenant)}`, { data: { key: 4711 } });
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
    await until('it is reported', () => world.product().logLines().find(({ event, tenantId }) => event === 'changed_outside' && tenantId === 'clumsy'));
    expect((await tenant.admin.must('GET', '/api/v1/tenants/clumsy/credentials/openai')).body).toMatchObject({ version: 1 });
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
  });

  it('R0.5 what is in either store goes on serving, whichever takes new keys', async () => {
    const inVault = await tenantWithKey(world, 'in-vault', FIRST);
    await world.product().stop();
    await world.start({ env: { KEYHOLD_STORE: 'sealed' } });
    expect(world.product().output()).toContain('AI Config service initialized with the encrypted database');
    const inDatabase = await tenantWithKey(world, 'in-database', SECOND);
    expect(await versionsInVault(world.vault, pathOf(inDatabase))).toEqual([]);
    expect([(await world.ask(inVault.gatewayKey)).key, (await world.ask(inDatabase.gatewayKey)).key]).toEqual([FIRST, SECOND]);
    await world.product().stop();
    await world.start();
    expect([(await world.ask(inVault.gatewayKey)).key, (await world.ask(inDatabase.gatewayKey)).key]).toEqual([FIRST, SECOND]);
    // A replacement moves a key to the store that takes new ones, and goes on from either.
    await handOver({ ...inDatabase, admin: apiOf(world.product().url, inDatabase.admin.token) }, 'openai', FIRST);
    expect(await versionsInVault(world.vault, pathOf(inDatabase))).toMatchObject([live({ api_key: FIRST })]);
    expect((await world.ask(inDatabase.gatewayKey)).key).toBe(FIRST);
    await world.product().stop();
    await world.start({ env: { VAULT_ENABLED: 'false' } });
    expect(await world.ask(inVault.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable' });
  });

  it('R10.1 no key is in Vault\'s audit file or log, nor in what Keyhold said', async () => {
    const [audit, log] = await Promise.all([readFile(world.vault.auditFile, 'utf8'), readFile(world.vault.logFile, 'utf8')]);
    expect(audit).toContain('tenants/acme/api-keys/openai');
    for (const key of [FIRST, SECOND, OWN, 'test-session-secret-1', 'test-database-password', 'test-auth-token-1', world.env['VAULT_SECRET_ID'] ?? 'no secret_id']) {
      for (const text of [audit, log, world.product().output()]) expect(text.includes(key), key).toBe(false);
    }
  });
});
