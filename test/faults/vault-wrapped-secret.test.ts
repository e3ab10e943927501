import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { SignInBench } from '../support/sign-in-bench.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { newAppRole } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });

describeWithVault('a secret_id that arrives wrapped (R2.4)', () => {
  const bench = new SignInBench();

  it('unwraps a wrapped secret_id once, after asking where it was made', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '3s', tokenMaxTtl: '4s' });
    const one = bench.connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: new SecretValue(await role.newWrappedSecretId()) });
    await one.client.start();
    await eventually(() => bench.requestsTo('/login').length >= 2, () => 'it did not sign in again');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
    expect(bench.requestsTo('wrapping/lookup')).toHaveLength(1);
    expect(bench.requestsTo('wrapping/unwrap')).toHaveLength(1);
  });

  it('takes a wrapped secret_id that somebody else has unwrapped for an incident, asks no more, and goes on with the next one', async () => {
    const role = await newAppRole(bench.vault);
    const wrapped = await role.newWrappedSecretId();
    await bench.vault.ask('POST', 'sys/wrapping/unwrap', undefined, { token: wrapped });
    const file = bench.file('wrapped');
    await writeFile(file, wrapped);
    const one = bench.connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: { file } });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await expect(bench.ownKey(one)).rejects.toThrow(unavailable);
    await sleep(2_000);
    expect(one.log.of('vault_authentication_failed').map(({ msg }) => msg.slice(0, 8))).toEqual(['INCIDENT']);
    expect(bench.requestsTo('wrapping/lookup')).toHaveLength(1);
    await writeFile(file, await role.newWrappedSecretId());
    await one.log.until('vault_connected');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('says of a secret_id whose unwrapping got no answer where to look, and goes on with the next one', async () => {
    const role = await newAppRole(bench.vault);
    const file = bench.file('wrapped-and-lost');
    await writeFile(file, await role.newWrappedSecretId());
    const one = bench.connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: { file } });
    bench.proxy.break({ kind: 'drop-answer' }, ({ path: at }) => at.endsWith('wrapping/unwrap'), 1);
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await one.log.until('vault_authentication_failed');
    expect(one.log.of('vault_authentication_failed').map(({ msg }) => msg)).toEqual([expect.stringContaining('The answer to our unwrapping')]);
    await writeFile(file, await role.newWrappedSecretId());
    await one.log.until('vault_connected');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('does not unwrap what the AppRole engine did not wrap', async () => {
    const role = await newAppRole(bench.vault);
    const planted = String((await bench.vault.ask('POST', 'sys/wrapping/wrap', { secret_id: 'theirs' }, { headers: { 'x-vault-wrap-ttl': '60' } }))['token']);
    const one = bench.connect({ kind: 'wrapped-app-role', roleId: role.roleId, wrappedSecretId: new SecretValue(planted) });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    expect(one.log.of('vault_authentication_failed')[0]?.msg).toContain('INCIDENT');
    expect(bench.requestsTo('wrapping/unwrap')).toHaveLength(0);
    expect(bench.requestsTo('/login')).toHaveLength(0);
  });
});
