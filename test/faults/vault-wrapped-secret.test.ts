import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { VaultAuth } from '../../src/adapters/vault/vault-auth.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, newAppRole } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });

describeWithVault('a secret_id that arrives wrapped (R2.4)', () => {
  let vault: VaultServer;
  let proxy: FaultProxy;
  let folder: string;
  const open: ClientUnderTest[] = [];

  beforeAll(async () => {
    vault = await startVault();
    await vault.ask('POST', 'secret/data/ai-gateway', { data: { OPENAI_API_KEY: 'sk-test-own-key-0001' } });
    proxy = await startFaultProxy(vault.address);
    folder = await mkdtemp(path.join(tmpdir(), 'keyhold-wrapped-'));
  });

  afterAll(async () => {
    await proxy.close();
    await vault.close();
    await rm(folder, { recursive: true });
  });

  beforeEach(() => {
    proxy.heal();
    proxy.requests.length = 0;
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ client }) => client.close()));
  });

  function connect(auth: VaultAuth): ClientUnderTest {
    const made = clientOf(proxy.url, auth);
    open.push(made);
    return made;
  }

  async function ownKey({ client }: ClientUnderTest): Promise<string | undefined> {
    return (await client.readSecret('secret', 'ai-gateway'))?.fields['OPENAI_API_KEY']?.reveal();
  }

  const requestsTo = (ending: string) => proxy.requests.filter((request) => request.path.endsWith(ending));

  it('unwraps a wrapped secret_id once, after asking where it was made', async () => {
    const role = await newAppRole(vault, { tokenTtl: '3s', tokenMaxTtl: '4s' });
    const one = connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: new SecretValue(await role.newWrappedSecretId()) });
    await one.client.start();
    await eventually(() => requestsTo('/login').length >= 2, () => 'it did not sign in again');
    expect(await ownKey(one)).toBe('sk-test-own-key-0001');
    expect(requestsTo('wrapping/lookup')).toHaveLength(1);
    expect(requestsTo('wrapping/unwrap')).toHaveLength(1);
  });

  it('takes a wrapped secret_id that somebody else has unwrapped for an incident, asks no more, and goes on with the next one', async () => {
    const role = await newAppRole(vault);
    const wrapped = await role.newWrappedSecretId();
    await vault.ask('POST', 'sys/wrapping/unwrap', undefined, { token: wrapped });
    const file = path.join(folder, 'wrapped');
    await writeFile(file, wrapped);
    const one = connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: { file } });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await expect(ownKey(one)).rejects.toThrow(unavailable);
    await sleep(2_000);
    expect(one.log.of('vault_authentication_failed').map(({ msg }) => msg.slice(0, 8))).toEqual(['INCIDENT']);
    expect(requestsTo('wrapping/lookup')).toHaveLength(1);
    await writeFile(file, await role.newWrappedSecretId());
    await one.log.until('vault_connected');
    expect(await ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('says of a secret_id whose unwrapping got no answer where to look, and goes on with the next one', async () => {
    const role = await newAppRole(vault);
    const file = path.join(folder, 'wrapped-and-lost');
    await writeFile(file, await role.newWrappedSecretId());
    const one = connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: { file } });
    proxy.break({ kind: 'drop-answer' }, ({ path: at }) => at.endsWith('wrapping/unwrap'), 1);
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await one.log.until('vault_authentication_failed');
    expect(one.log.of('vault_authentication_failed').map(({ msg }) => msg)).toEqual([expect.stringContaining('The answer to our unwrapping')]);
    await writeFile(file, await role.newWrappedSecretId());
    await one.log.until('vault_connected');
    expect(await ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('does not unwrap what the AppRole engine did not wrap', async () => {
    const role = await newAppRole(vault);
    const planted = String((await vault.ask('POST', 'sys/wrapping/wrap', { secret_id: 'theirs' }, { headers: { 'x-vault-wrap-ttl': '60' } }))['token']);
    const one = connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: new SecretValue(planted) });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    expect(one.log.of('vault_authentication_failed')[0]?.msg).toContain('INCIDENT');
    expect(requestsTo('wrapping/unwrap')).toHaveLength(0);
    expect(requestsTo('/login')).toHaveLength(0);
  });
});
