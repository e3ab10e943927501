import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { secretPath } from '../../src/adapters/secret-store/vault-kv/secret-path.ts';
import { createVaultStore, type VaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { type PutIntent, type SecretName, type SecretReference, StoreUntouched } from '../../src/ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, newAppRole, rootAuth, systemTime } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });
const notFound = expect.objectContaining({ code: 'not_found' });
const digestKey = Buffer.alloc(32, 7);
const digest = (_name: SecretName, version: number, fields: SecretFields) => `${version} ${fieldsDigest(digestKey, fields)}`;

describeWithVault('what is in Vault, and how its engine is set', () => {
  let vault: VaultServer;
  let under: ClientUnderTest;
  let store: VaultStore;
  let name: SecretName;

  beforeAll(async () => {
    vault = await startVault();
    under = clientOf(vault.address, await (await newAppRole(vault)).auth());
    await under.client.start();
    store = newStore('secret');
    await store.check();
  });

  afterAll(async () => {
    await under.client.close();
    await vault.close();
  });

  beforeEach(() => {
    name = { scope: tenantScope(`t-${randomBytes(6).toString('hex')}`), service: 'openai', label: 'default' };
  });

  function newStore(mount: string, client = under.client): VaultStore {
    return createVaultStore({ client, mount, digest, clock: systemTime, log: under.log });
  }

  const secret = (text: string): SecretFields => ({ api_key: new SecretValue(text) });
  const textOf = async (reference: SecretReference) => (await store.get(reference))['api_key']?.reveal();

  function intend(version: number, text: string, base: SecretReference | null): PutIntent {
    return { id: randomBytes(16).toString('hex'), version, cas: base?.version ?? null, digest: digest(name, version, secret(text)) };
  }

  function put(version: number, text: string, base: SecretReference | null): Promise<SecretReference> {
    return store.put(name, secret(text), intend(version, text, base));
  }

  it('deleted by hand, with its metadata or without, is not found', async () => {
    const reference = await put(1, 'sk-test-deleted-01', null);
    await vault.ask('DELETE', `secret/data/${secretPath(name)}`);
    await expect(store.get(reference)).rejects.toThrow(notFound);
    await store.restore(reference);
    expect(await textOf(reference)).toBe('sk-test-deleted-01');
    await vault.ask('DELETE', `secret/metadata/${secretPath(name)}`);
    await expect(store.get(reference)).rejects.toThrow(notFound);
    await expect(store.restore(reference)).rejects.toThrow(notFound);
    expect(await store.newerThan?.(reference)).toBeUndefined();
  });

  it('is corrupt where it is no text', async () => {
    await vault.ask('POST', `secret/data/${secretPath(name)}`, { data: { api_key: 4711 } });
    await expect(store.get({ store: 'vault', name, version: '1' })).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  it('stays when Vault would keep one version only', async () => {
    const first = await put(1, 'sk-test-only-0001', null);
    await vault.ask('POST', `secret/metadata/${secretPath(name)}`, { max_versions: 1 });
    await expect(put(2, 'sk-test-only-0002', first)).rejects.toThrow(expect.objectContaining({ code: 'unsupported' }));
    expect(await textOf(first)).toBe('sk-test-only-0001');
    await vault.ask('POST', `secret/metadata/${secretPath(name)}`, { max_versions: 2 });
    expect(await textOf(await put(3, 'sk-test-only-0003', first))).toBe('sk-test-only-0003');
    expect(await textOf(first)).toBe('sk-test-only-0001');
  });

  it('stays when the engine is set to one version after it was looked at', async () => {
    await vault.ask('POST', 'sys/mounts/changing', { type: 'kv', options: { version: '2' } });
    await eventually(async () => (await vault.call('POST', 'changing/config', { max_versions: 5 })).status === 204, () => 'the engine did not come up');
    const root = clientOf(vault.address, rootAuth(vault));
    const changing = newStore('changing', root.client);
    await changing.check();
    const first = await changing.put(name, secret('sk-test-few-000001'), intend(1, 'sk-test-few-000001', null));
    await vault.ask('POST', 'changing/config', { max_versions: 1 });
    await expect(changing.put(name, secret('sk-test-few-000002'), intend(2, 'sk-test-few-000002', first))).rejects.toThrow(expect.objectContaining({ code: 'unsupported' }));
    expect((await changing.get(first))['api_key']?.reveal()).toBe('sk-test-few-000001');
    await root.client.close();
  });

  it('is never written to an engine without versions', async () => {
    await vault.ask('POST', 'sys/mounts/kv-one', { type: 'kv', options: { version: '1' } });
    const root = clientOf(vault.address, rootAuth(vault));
    const one = newStore('kv-one', root.client);
    await expect(one.check()).rejects.toThrow(/KV version 2/);
    await expect(one.put(name, secret('sk-test-flat-0001'), intend(1, 'sk-test-flat-0001', null))).rejects.toBeInstanceOf(StoreUntouched);
    expect((await vault.call('LIST', 'kv-one/')).status).toBe(404);
    await expect(newStore('nothing-here', root.client).put(name, secret('sk-test-flat-0001'), intend(1, 'sk-test-flat-0001', null))).rejects.toThrow(unavailable);
    await root.client.close();
  });

  it('is warned about where the engine forgets by itself', async () => {
    await vault.ask('POST', 'sys/mounts/forgetful', { type: 'kv', options: { version: '2' } });
    await eventually(async () => (await vault.call('POST', 'forgetful/config', { max_versions: 1, delete_version_after: '1h' })).status === 204, () => 'the engine did not come up');
    const root = clientOf(vault.address, rootAuth(vault));
    await newStore('forgetful', root.client).check();
    expect(under.log.of('vault_max_versions_too_small').at(-1)?.msg).toContain('forgetful');
    expect(under.log.of('vault_versions_run_out').at(-1)?.msg).toContain('delete_version_after=0s');
    await root.client.close();
  });

  it('names path and capability when the policy forbids to write', async () => {
    await vault.ask('PUT', 'sys/policies/acl/reader', { policy: 'path "secret/data/*" { capabilities = ["read"] }' });
    const { client_token: token } = await vault.ask('POST', 'auth/token/create', { policies: ['reader'], ttl: '1h' });
    const reader = clientOf(vault.address, { kind: 'token', token: new SecretValue(String(token)) });
    const refused = newStore('secret', reader.client).put(name, secret('sk-test-denied-001'), intend(1, 'sk-test-denied-001', null));
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'permission_denied' }));
    await expect(refused).rejects.toThrow(`create secret/data/${secretPath(name)}`);
    await reader.client.close();
  });
});
