import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secretNameInAzure } from '../../src/adapters/secret-store/azure-key-vault/secret-name.ts';
import { credentialDigest } from '../../src/core/credentials/credential-digest.ts';
import { asKeyholdError, type KeyholdError } from '../../src/ports/errors.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { idOf, StoreUntouched } from '../../src/ports/secret-store.ts';
import { azureStoreOn, intend, newName, oneField, type StoreUnderTest } from '../support/azure-fixture.ts';
import { createCredentialWorld } from '../support/credential-world.ts';
import { until } from '../support/outcome.ts';
import { createOwnVaultsWorld, testConnector } from '../support/own-vaults-world.ts';
import type { AzureFault } from '../support/servers/azure/faults.ts';
import { type AzureServer, startAzureServer } from '../support/servers/azure/server.ts';

const KEY = 'sk-test-azure-fault-0001';
let server: AzureServer;
let opened: StoreUnderTest[] = [];
beforeAll(async () => {
  server = await startAzureServer();
});
afterAll(() => server.close());
afterEach(async () => {
  server.faults.heal();
  await server.restart();
  server.vault.throttle.limit = undefined;
  server.vault.throttle.retryAfter = undefined;
  server.vault.settings.authorization = 'access-policies';
  for (const { store } of opened) store.close();
  opened = [];
});

function open(options?: Parameters<typeof azureStoreOn>[1]): StoreUnderTest {
  const under = azureStoreOn(server, options);
  opened.push(under);
  return under;
}

async function failureOf(work: Promise<unknown>): Promise<KeyholdError> {
  try {
    await work;
  } catch (error) {
    return asKeyholdError(error);
  }
  throw new Error('It succeeded.');
}

async function putNew({ store }: StoreUnderTest, text = KEY) {
  const [name, fields] = [newName(), oneField(text)];
  return { name, fields, reference: await store.put(name, fields, intend(1, fields)) };
}

describe('Azure Key Vault is away', () => {
  const outages: readonly (readonly [string, AzureFault, boolean])[] = [
    ['refuses connections in the middle', { kind: 'drop-request' }, true],
    ['fails inside', { kind: 'answer', status: 500 }, true],
    ['is away behind its proxy', { kind: 'answer', status: 503 }, true],
    ['answers with an error page of somebody else', { kind: 'answer', status: 404, code: '<h1>Not Found</h1>' }, true],
    ['sends us elsewhere', { kind: 'answer', status: 307, headers: { location: 'https://127.0.0.1:1/' } }, true],
    ['shuts us out with its firewall', { kind: 'answer', status: 403, code: 'Forbidden', inner: 'ForbiddenByFirewall' }, false],
    ['takes no more', { kind: 'answer', status: 429, code: 'Throttled', headers: { 'retry-after': '30' } }, false],
  ];

  it.each(outages)('%s: that is unavailable, never «no such key», and over when it is over', async (_name, fault, mayHaveHappened) => {
    const under = open();
    const { reference, name, fields } = await putNew(under);
    server.faults.break(fault, { where: 'keyhold-test' });
    expect(await failureOf(under.store.get(reference))).toMatchObject({ code: 'unavailable' });
    const put = await failureOf(under.store.put(name, fields, intend(2, fields, reference)));
    expect(put).toMatchObject({ code: 'unavailable', retryAfterSeconds: expect.any(Number) });
    if (!mayHaveHappened) expect(put).toBeInstanceOf(StoreUntouched);
    expect((await under.store.health()).connected).toBe(false);
    server.faults.heal();
    const again = open();
    expect((await again.store.get(reference))['api_key']?.reveal()).toBe(KEY);
  });

  it('is stopped: calls fail at once between trials, it is found again by itself, and nothing that was refused is half-written', async () => {
    const under = open();
    const { reference, name, fields } = await putNew(under);
    await server.kill();
    for (let attempt = 0; attempt < 4; attempt += 1) expect(await failureOf(under.store.put(name, fields, intend(2, fields, reference)))).toBeInstanceOf(StoreUntouched);
    // The connection that was open broke, new ones are refused; each is said once.
    expect([1, 2]).toContain(under.log.of('key_vault_connection_failed').length);
    await server.restart();
    await until('it is found', () => under.log.of('key_vault_connected').length === 2);
    expect((await under.store.get(reference))['api_key']?.reveal()).toBe(KEY);
    expect(await under.store.newestBase?.(name)).toBe(reference.version);
  });

  it('takes its time: a call ends within its bound', async () => {
    const under = open();
    const { reference } = await putNew(under);
    server.faults.break({ kind: 'hold' }, { operation: 'secrets.get' });
    const startedAt = performance.now();
    expect(await failureOf(under.store.get(reference))).toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    server.faults.heal();
    await server.faults.release();
  });
});

describe('R1.4 the vault says that it is too much', () => {
  it.each(['none', 1] as const)('the rate of requests falls at once and for all, and comes back afterwards (Retry-After: %s)', async (retryAfter) => {
    const under = open();
    const { reference } = await putNew(under);
    server.vault.throttle.limit = 0;
    server.vault.throttle.retryAfter = retryAfter;
    server.forgetCalls();
    const end = performance.now() + 4_000;
    let asked = 0;
    // Forty callers who ask again as soon as they have been refused.
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        while (performance.now() < end) {
          asked += 1;
          expect(await failureOf(under.store.get(reference))).toMatchObject({ code: 'unavailable', retryAfterSeconds: expect.any(Number) });
          await sleep(5);
        }
      }),
    );
    // All forty who were under way when it began were told so; after that one at a time tries, 1, 2, 4 … seconds apart or as it says.
    expect(asked).toBeGreaterThan(40);
    expect(server.calls({ status: 429 }).length).toBeLessThanOrEqual(40 + 8);
    server.vault.throttle.limit = undefined;
    await until('the vault is asked again', async () => under.store.get(reference).then(() => true, () => false));
    expect((await under.store.get(reference))['api_key']?.reveal()).toBe(KEY);
  });

  it('a write waits for its turn where that is short', async () => {
    const under = open();
    const name = newName();
    const fields = oneField(KEY);
    server.faults.break({ kind: 'answer', status: 429, code: 'Throttled', headers: { 'retry-after': '1' } }, { operation: 'secrets.set' }, 1);
    const reference = await under.store.put(name, fields, intend(1, fields));
    expect((await under.store.get(reference))['api_key']?.reveal()).toBe(KEY);
  });

  it('after 1,000 cached keys have expired at once, the vault sees each key once', async () => {
    const { store } = open({ digest: (name, version, fields) => credentialDigest(Buffer.alloc(32, 1), name, version, fields) });
    const world = createCredentialWorld({ secretStore: store });
    const tenants = Array.from({ length: 1_000 }, (_, index) => `crowd-${index}`);
    for (let at = 0; at < tenants.length; at += 20) await Promise.all(tenants.slice(at, at + 20).map((tenant) => {
      const scope = tenantScope(tenant);
      return world.access.perform({ kind: 'token', id: 'tok-crowd', role: 'tenant-admin', scope }, 'credential.put', { scope, service: 'openai' }, 'req-1', (grant) => world.credentials.put(grant, { fields: { api_key: `sk-test-crowd-${tenant}` } }));
    }));
    for (let at = 0; at < tenants.length; at += 50) await Promise.all(tenants.slice(at, at + 50).map((tenant) => world.served(tenant)));
    world.clock.advance(6 * 60_000);
    server.forgetCalls();
    for (let at = 0; at < tenants.length; at += 50) {
      // Three requests of each tenant at the same time.
      const keys = await Promise.all([0, 1, 2].flatMap(() => tenants.slice(at, at + 50).map(async (tenant) => [tenant, await world.served(tenant)] as const)));
      for (const [tenant, key] of keys) expect(key).toBe(`sk-test-crowd-${tenant}`);
    }
    const asked = server.calls({ where: 'keyhold-test', authenticated: true });
    expect(asked).toHaveLength(1_000);
    expect(new Set(asked.map(({ name }) => name)).size).toBe(1_000);
  }, 120_000);
});

describe('R1.5 what Keyhold may not do', () => {
  const operations = [
    ['get', (under: StoreUnderTest, at: Awaited<ReturnType<typeof putNew>>) => under.store.get(at.reference)],
    ['set', (under: StoreUnderTest, at: Awaited<ReturnType<typeof putNew>>) => under.store.put(at.name, at.fields, intend(2, at.fields, at.reference))],
    ['list', (under: StoreUnderTest, at: Awaited<ReturnType<typeof putNew>>) => under.store.probe(at.name, intend(2, at.fields, at.reference))],
    ['delete', (under: StoreUnderTest, at: Awaited<ReturnType<typeof putNew>>) => under.store.remove(at.reference)],
    ['recover', (under: StoreUnderTest, at: Awaited<ReturnType<typeof putNew>>) => under.store.restore(at.reference)],
  ] as const;

  it.each(operations.flatMap(([permission, work]) => (['access-policies', 'rbac'] as const).map((authorization) => ({ permission, work, authorization }))))(
    'is said in the documented words, with the command that grants it: $permission, $authorization',
    async ({ permission, work, authorization }) => {
      const app = server.directory.addApp();
      const all = ['get', 'list', 'set', 'delete', 'recover'] as const;
      const actions = { get: 'secrets/getSecret/action', list: 'secrets/readMetadata/action', set: 'secrets/setSecret/action', delete: 'secrets/delete', recover: 'secrets/recover/action' };
      const admin = open();
      const at = await putNew(admin);
      if (permission === 'recover') await admin.store.remove(at.reference);
      server.vault.settings.authorization = authorization;
      server.vault.permissions.setPolicy(app, { secrets: all.filter((each) => each !== permission) });
      server.vault.permissions.assignRoles(app, [{ dataActions: all.filter((each) => each !== permission).map((each) => actions[each]) }]);
      const under = open({ app });
      const error = await failureOf(work(under, at));
      expect(error.code).toBe('permission_denied');
      expect(error.publicMessage).toMatch(new RegExp(`^The user, group or application does not have secrets ${permission} permission`));
      expect(error.publicMessage).toContain(
        authorization === 'rbac' ? `az role assignment create --role "Key Vault Secrets Officer" --assignee ${app.objectId} --scope` : `az keyvault set-policy --name 127 --object-id ${app.objectId} --secret-permissions get list set delete`,
      );
      expect(under.log.of('key_vault_permission_denied')).toMatchObject([{ level: 'error', msg: error.publicMessage }]);
    },
  );

  it('FACTS 2 a fresh grant takes a moment, and then counts without a restart', async () => {
    const app = server.directory.addApp();
    const under = open({ app });
    const [name, fields] = [newName(), oneField(KEY)];
    server.vault.permissions.delayMs = 1_000;
    server.vault.permissions.setPolicy(app, { secrets: ['get', 'list', 'set', 'delete'] });
    try {
      expect(await failureOf(under.store.put(name, fields, intend(1, fields)))).toMatchObject({ code: 'permission_denied', publicMessage: expect.stringContaining('A new grant can take ten minutes') });
      await until('the grant counts', async () => (await under.store.health()).connected);
      const reference = await under.store.put(name, fields, intend(1, fields));
      expect((await under.store.get(reference))['api_key']?.reveal()).toBe(KEY);
    } finally {
      server.vault.permissions.delayMs = 0;
    }
  });

  it('a wrong client secret is said so in the log, without the secret and without what the authority said', async () => {
    const under = open({ identity: { servicePrincipal: null, managed: null, workload: { tenantId: server.directory.tenantId, clientId: server.app.clientId, tokenFile: '/nonexistent/token' } } });
    expect(await failureOf(under.store.check())).toMatchObject({ code: 'unavailable' });
    const app = server.directory.addApp();
    const secret = [...app.secrets][0] ?? '';
    const wrong = open({ app });
    app.secrets.clear();
    expect(await failureOf(wrong.store.check())).toMatchObject({ code: 'unavailable' });
    const [line] = wrong.log.of('key_vault_authentication_failed');
    expect(line?.msg).toMatch(/^Azure does not let Keyhold sign in\. Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET .*\(AADSTS7000215\)$/);
    expect(JSON.stringify(wrong.log.lines)).not.toContain(secret);
    expect(await wrong.store.health()).toMatchObject({ connected: false, refuses: 'us' });
  });

  it('S19 an authority that refuses before the sign-in, and a vault that denies us, are there and refuse', async () => {
    const { reference } = await putNew(open());
    const nameless = open({ app: server.directory.addApp() });
    expect(await failureOf(nameless.store.get(reference))).toMatchObject({ code: 'permission_denied' });
    expect(await nameless.store.health()).toMatchObject({ connected: false, refuses: 'the question' });
    server.faults.break({ kind: 'answer', status: 400, text: '{"error":"invalid_tenant","error_description":"AADSTS90002: no such tenant"}', headers: { 'content-type': 'application/json' } }, { where: 'authority' });
    const refused = open();
    expect(await failureOf(refused.store.get(reference))).toMatchObject({ code: 'unavailable', outage: 'refused' });
    expect(await refused.store.health()).toMatchObject({ connected: false, refuses: 'us' });
    server.faults.heal();
    server.faults.break({ kind: 'drop-request' }, { where: 'authority' });
    const away = open();
    expect(await failureOf(away.store.get(reference))).toMatchObject({ code: 'unavailable', outage: 'network' });
    expect((await away.store.health()).refuses).toBeUndefined();
  });

  it('S19 S20 so does a tenant\'s own vault, for which its secret is not right any more', async () => {
    const app = server.directory.addApp();
    const [secret = ''] = app.secrets;
    app.secrets.clear();
    server.trust();
    const world = createOwnVaultsWorld(testConnector({ authorityHost: server.authority.url }).connector);
    const store = await world.register('acme', { kind: 'azure-key-vault', url: new URL(server.vault.url).origin, tenantId: server.directory.tenantId, clientId: app.clientId }, secret);
    const reference = { store: idOf(store), name: { scope: tenantScope('acme'), service: 'openai', label: 'default' }, version: '1' };
    expect(await failureOf(store.get(reference))).toMatchObject({ code: 'unavailable', outage: 'refused' });
    expect(await store.health()).toMatchObject({ connected: false, refuses: 'us' });
    await world.close();
  });
});

describe('R1.4 limits', () => {
  it('are kept before the call, and said clearly', async () => {
    const under = open();
    await putNew(under);
    server.forgetCalls();
    const large = oneField('x'.repeat(25 * 1024 + 1));
    expect(await failureOf(under.store.put(newName(), large, intend(1, large)))).toMatchObject({ code: 'payload_too_large', publicMessage: expect.stringMatching(/^Failed to store credentials: the secret has 25601 bytes, and Azure Key Vault takes 25600/) });
    const long = { ...newName(), label: 'l'.repeat(120) };
    expect(await failureOf(under.store.put(long, oneField(KEY), intend(1, oneField(KEY))))).toMatchObject({ code: 'invalid_argument', publicMessage: expect.stringMatching(/^Failed to store credentials: .*127/) });
    const manyTags = oneField(KEY, 'f'.repeat(600));
    expect(await failureOf(under.store.put(newName(), manyTags, intend(1, manyTags)))).toMatchObject({ code: 'payload_too_large' });
    expect(server.calls()).toEqual([]);
  });

  it('25 KB and every page of a long list are taken', async () => {
    const under = open();
    const { reference } = await putNew(under, 'x'.repeat(25 * 1024));
    expect((await under.store.get(reference))['api_key']?.reveal()).toHaveLength(25 * 1024);
    let [name, fields] = [newName(), oneField(KEY)];
    let base = await under.store.put(name, fields, intend(1, fields));
    for (let version = 2; version <= 30; version += 1) base = await under.store.put(name, fields, intend(version, fields, base));
    const last = intend(31, fields, base);
    const kept = await under.store.put(name, fields, last);
    expect(await under.store.probe(name, last)).toEqual(kept);
    expect(secretNameInAzure(name)).toContain('ai-provider-openai-tenant-t-');
    [name, fields] = [newName(), oneField(KEY)];
  });
});
