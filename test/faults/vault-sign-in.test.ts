import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { SignInBench } from '../support/sign-in-bench.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { liveTokens, newAppRole, systemTime } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });
const denied = expect.objectContaining({ code: 'permission_denied' });

describeWithVault('signing in to Vault (R2.1, R2.4)', () => {
  const bench = new SignInBench();

  async function newToken(body: object = {}): Promise<string> {
    return String((await bench.vault.ask('POST', 'auth/token/create', { ttl: '1h', ...body }))['client_token']);
  }

  it('takes a token, and says once that it is connected (R2.5)', async () => {
    const one = bench.connect({ kind: 'token', token: new SecretValue(await newToken()) });
    expect(one.client.connected()).toBe(false);
    await one.client.start();
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
    expect(one.client.connected()).toBe(true);
    expect(await one.client.health()).toMatchObject({ connected: true });
    expect(one.log.lines.map(({ event }) => event)).toEqual(['vault_connected']);
  });

  it('refuses a wrong token, says so, and lets in with the one that replaces it in its file', async () => {
    const file = bench.file('token');
    await writeFile(file, 'hvs.wrong\n');
    const one = bench.connect({ kind: 'token-file', file });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await expect(bench.ownKey(one)).rejects.toThrow(unavailable);
    expect(await one.client.health()).toMatchObject({ connected: false, refuses: 'us' });
    expect(one.log.lines.map(({ event }) => event)).toEqual(['vault_authentication_failed']);
    await writeFile(file, `${await newToken()}\n`);
    await one.log.until('vault_connected');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('goes on with the token that whoever keeps the file has put there', async () => {
    const file = bench.file('renewed-token');
    const first = await newToken();
    await writeFile(file, first);
    const one = bench.connect({ kind: 'token-file', file });
    await one.client.start();
    await writeFile(file, await newToken());
    await bench.vault.ask('POST', 'auth/token/revoke', { token: first });
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
    expect(one.log.count('vault_authentication_failed')).toBe(0);
  });

  it('names the file that is missing, and comes up when it is there', async () => {
    const file = bench.file('later');
    const one = bench.connect({ kind: 'token-file', file });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    expect(one.log.of('vault_authentication_failed')[0]?.msg).toContain(file);
    await writeFile(file, await newToken());
    await one.log.until('vault_connected');
  });

  it('signs in by AppRole once for all who need it, and leaves no token behind', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth());
    const read = await Promise.all(Array.from({ length: 20 }, () => bench.ownKey(one)));
    expect(new Set(read)).toEqual(new Set(['sk-test-own-key-0001']));
    expect(bench.requestsTo('/login')).toHaveLength(1);
    expect(await liveTokens(bench.vault, role.roleName)).toHaveLength(1);
    await one.client.close();
    expect(await liveTokens(bench.vault, role.roleName)).toHaveLength(0);
  });

  it('uses its connections again, and not more than a few', async () => {
    const one = bench.connect({ kind: 'token', token: new SecretValue(await newToken()) });
    await one.client.start();
    const before = bench.proxy.connections;
    for (let round = 0; round < 50; round += 1) await bench.ownKey(one);
    expect(bench.proxy.connections - before).toBeLessThanOrEqual(2);
    await Promise.all(Array.from({ length: 200 }, () => bench.ownKey(one)));
    expect(bench.proxy.connections - before).toBeLessThanOrEqual(18);
  });

  it('asks Vault once how it is for all who want to know at the same time (S34)', async () => {
    const one = bench.connect({ kind: 'token', token: new SecretValue(await newToken()) });
    await one.client.start();
    const asked = await Promise.all(Array.from({ length: 100 }, () => one.client.health()));
    expect(asked.every(({ connected }) => connected)).toBe(true);
    expect(bench.requestsTo('perfstandbyok=true')).toHaveLength(1);
  });

  it('finds out after an outage that its token was revoked meanwhile, and signs in again before it says that it is connected', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth());
    await one.client.start();
    bench.proxy.break({ kind: 'drop-request' });
    await expect(bench.ownKey(one)).rejects.toThrow(unavailable);
    const [accessor = ''] = await liveTokens(bench.vault, role.roleName);
    await bench.vault.ask('POST', 'auth/token/revoke-accessor', { accessor });
    bench.proxy.heal();
    await one.log.until('vault_connected', 2);
    expect(await liveTokens(bench.vault, role.roleName)).toHaveLength(1);
    expect(one.log.count('vault_token_refused')).toBe(1);
  });

  it('renews at two thirds of the TTL, with the same token, and no oftener', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '4s', tokenMaxTtl: '1h' });
    const one = bench.connect(await role.auth());
    await one.client.start();
    await eventually(() => bench.requestsTo('renew-self').length >= 3, () => 'the token was not renewed');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
    expect(bench.requestsTo('/login')).toHaveLength(1);
    expect(bench.requestsTo('renew-self').length).toBeLessThanOrEqual(4);
  });

  it('signs in again when the TTL no longer grows, without a gap and without a heap of tokens', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '4s', tokenMaxTtl: '6s' });
    const one = bench.connect(await role.auth());
    await one.client.start();
    const until = performance.now() + 15_000;
    while (performance.now() < until) {
      expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
      await sleep(100);
    }
    const logins = bench.requestsTo('/login').length;
    expect(logins).toBeGreaterThanOrEqual(3);
    expect(logins).toBeLessThanOrEqual(6);
    expect(bench.requestsTo('renew-self').length).toBeLessThanOrEqual(8);
    expect((await liveTokens(bench.vault, role.roleName)).length).toBeLessThanOrEqual(2);
    expect(one.log.count('vault_authentication_failed')).toBe(0);
  });

  it('never sends a token that has run out, and does not ask in a tight loop while it cannot renew', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '3s', tokenMaxTtl: '1h' });
    const one = bench.connect(await role.auth());
    await one.client.start();
    await bench.ownKey(one);
    const old = bench.proxy.requests.at(-1)?.headers['x-vault-token'];
    bench.proxy.break({ kind: 'answer', status: 500, headers: { 'content-type': 'application/json' }, body: '{"errors":["internal error"]}' }, ({ path }) => path.includes('/auth/'));
    await sleep(3_500);
    const asked = bench.requestsTo('renew-self').length + bench.requestsTo('/login').length;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(8);
    bench.proxy.requests.length = 0;
    await expect(bench.ownKey(one)).rejects.toThrow(unavailable);
    expect(bench.proxy.requests.filter(({ headers }) => headers['x-vault-token'] === old)).toEqual([]);
    expect(one.log.count('vault_renewal_failed')).toBeGreaterThanOrEqual(1);
    bench.proxy.heal();
    await eventually(async () => (await bench.ownKey(one).catch(() => '')) === 'sk-test-own-key-0001', () => 'it did not recover');
  });

  it('signs in again, once, when its token was revoked', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth());
    await bench.ownKey(one);
    const [accessor = ''] = await liveTokens(bench.vault, role.roleName);
    await bench.vault.ask('POST', 'auth/token/revoke-accessor', { accessor });
    bench.proxy.requests.length = 0;
    const read = await Promise.all(Array.from({ length: 10 }, () => bench.ownKey(one)));
    expect(new Set(read)).toEqual(new Set(['sk-test-own-key-0001']));
    expect(bench.requestsTo('/login')).toHaveLength(1);
    expect(one.log.count('vault_token_refused')).toBe(1);
  });

  it('says that the secret_id is used up, which Vault answers with 400, and recovers with the one that replaces it', async () => {
    const role = await newAppRole(bench.vault, { secretIdUses: 1 });
    const file = bench.file('secret-id');
    await writeFile(file, await role.newSecretId());
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId: { file } });
    await bench.ownKey(one);
    const [accessor = ''] = await liveTokens(bench.vault, role.roleName);
    await bench.vault.ask('POST', 'auth/token/revoke-accessor', { accessor });
    await expect(bench.ownKey(one)).rejects.toThrow(unavailable);
    expect(one.log.of('vault_authentication_failed')[0]?.msg).toContain('used up');
    expect(one.client.connected()).toBe(false);
    await writeFile(file, await role.newSecretId());
    await one.log.until('vault_connected', 2);
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('goes on with its token while it is refused another one, says so, and recovers after the token has run out, though nobody asks', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '4s', tokenMaxTtl: '5s', secretIdUses: 1 });
    const file = bench.file('used-up');
    await writeFile(file, await role.newSecretId());
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId: { file } });
    await one.client.start();
    await one.log.until('vault_authentication_failed');
    expect([one.client.connected(), one.log.count('vault_connected')]).toEqual([true, 1]);
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
    await one.log.until('vault_authentication_failed', 2);
    expect(one.client.connected()).toBe(false);
    await writeFile(file, await role.newSecretId());
    await one.log.until('vault_connected', 2);
  });

  it('tries a refused AppRole so seldom that Vault does not lock the role for everybody', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId: new SecretValue('wrong') });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    await Promise.all(Array.from({ length: 30 }, () => expect(bench.ownKey(one)).rejects.toThrow(unavailable)));
    await sleep(2_000);
    expect(bench.requestsTo('/login')).toHaveLength(1);
    const other = bench.connect(await role.auth());
    await other.client.start();
  });

  it('says that the way to sign in is not there yet, and comes in by itself when it is', async () => {
    const role = await newAppRole(bench.vault);
    const secretId = await role.newSecretId();
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId: new SecretValue(secretId), mount: 'approle-later' });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    expect(one.log.lines.map(({ event, msg }) => `${event}: ${msg}`)).toEqual([expect.stringMatching(/^vault_authentication_failed: .*there is no AppRole at auth\/approle-later/)]);
    await bench.vault.ask('POST', 'sys/auth/approle-later', { type: 'approle' });
    await bench.vault.ask('POST', 'auth/approle-later/role/late', { token_policies: 'keyhold', token_ttl: '1h' });
    await bench.vault.ask('POST', 'auth/approle-later/role/late/role-id', { role_id: role.roleId });
    await bench.vault.ask('POST', 'auth/approle-later/role/late/custom-secret-id', { secret_id: secretId });
    await one.log.until('vault_connected');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('says that a real quota keeps it from signing in, and comes in by itself afterwards', async () => {
    const role = await newAppRole(bench.vault);
    const secretId = new SecretValue(await role.newSecretId());
    await bench.vault.ask('POST', 'sys/quotas/rate-limit/logins', { path: 'auth/approle/login', rate: 1, interval: '60s' });
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId });
    await bench.vault.call('POST', 'auth/approle/login', {}, { token: '' });
    await expect(one.client.start()).rejects.toThrow(unavailable);
    expect(one.log.lines.map(({ event, msg }) => `${event}: ${msg}`)).toEqual([expect.stringMatching(/^vault_connection_failed: .* rate limit/)]);
    expect(one.client.connected()).toBe(false);
    await bench.vault.ask('DELETE', 'sys/quotas/rate-limit/logins');
    await one.log.until('vault_connected');
    expect(await bench.ownKey(one)).toBe('sk-test-own-key-0001');
  });

  it('closed in the middle of a sign-in it leaves no token behind', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth());
    bench.proxy.break({ kind: 'delay', ms: 700 }, ({ path: at }) => at.endsWith('/login'));
    const starting = one.client.start().catch((caught: unknown) => caught);
    await eventually(() => bench.requestsTo('/login').length === 1, () => 'it does not sign in');
    await one.client.close();
    expect(await starting).toEqual(unavailable);
    expect(await liveTokens(bench.vault, role.roleName)).toEqual([]);
  });

  it('closed while Vault says nothing it does not wait for long', async () => {
    const role = await newAppRole(bench.vault, { tokenTtl: '3s' });
    const one = bench.connect(await role.auth());
    await one.client.start();
    bench.proxy.break({ kind: 'silence' });
    await eventually(() => bench.requestsTo('renew-self').length === 1, () => 'it does not renew');
    const startedAt = performance.now();
    await one.client.close();
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });

  it('names path and capability when a policy forbids, and signs in afresh for a policy that has changed', async () => {
    let ahead = 0;
    const clock = { now: () => systemTime.now(), monotonic: () => systemTime.monotonic() + ahead };
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth(), { clock });
    await bench.ownKey(one);
    await bench.vault.ask('POST', 'secret/data/other', { data: { a: 'b' } });
    await bench.vault.ask('PUT', 'sys/policies/acl/more', { policy: 'path "cubby/*" { capabilities = ["read"] }' });
    await expect(one.client.request({ method: 'GET', path: 'sys/policies/acl/more' })).rejects.toThrow(denied);
    await expect(one.client.request({ method: 'GET', path: 'sys/policies/acl/more' })).rejects.toThrow(/read sys\/policies\/acl\/more/);
    expect(one.log.of('vault_permission_denied')[0]?.msg).toContain('capabilities = ["read"]');
    expect(bench.requestsTo('/login')).toHaveLength(1);

    await bench.vault.ask('PUT', 'sys/policies/acl/may-look', { policy: 'path "sys/policies/acl/*" { capabilities = ["read"] }' });
    await bench.vault.ask('POST', `auth/approle/role/${role.roleName}`, { token_policies: 'keyhold,may-look' });
    await expect(one.client.request({ method: 'GET', path: 'sys/policies/acl/more' })).rejects.toThrow(denied);
    ahead = 61_000;
    expect(await one.client.request({ method: 'GET', path: 'sys/policies/acl/more' })).toMatchObject({ status: 200 });
    expect(bench.requestsTo('/login')).toHaveLength(2);
    await eventually(async () => (await liveTokens(bench.vault, role.roleName)).length === 1, () => 'the token before was left behind');
    expect(one.client.connected()).toBe(true);
  });

  it('names its namespace in every request but that for the health, which is the root namespace\'s', async () => {
    const role = await newAppRole(bench.vault);
    const one = bench.connect(await role.auth(), { namespace: 'team/keys' });
    await bench.ownKey(one);
    await one.client.health();
    const health = bench.requestsTo('perfstandbyok=true');
    expect(health.map(({ headers }) => headers['x-vault-namespace'])).toEqual([undefined]);
    expect(bench.proxy.requests.filter((request) => !health.includes(request)).map(({ headers }) => headers['x-vault-namespace'])).toEqual(['team/keys', 'team/keys']);
  });

  it('never logs what it signs in with, nor what it reads', async () => {
    const role = await newAppRole(bench.vault);
    const secretId = await role.newSecretId();
    const one = bench.connect({ kind: 'app-role', roleId: role.roleId, secretId: new SecretValue(secretId) });
    await bench.ownKey(one);
    const token = String(bench.proxy.requests.at(-1)?.headers['x-vault-token']);
    bench.proxy.break({ kind: 'garbage' });
    const error: unknown = await bench.ownKey(one).catch((caught: unknown) => caught);
    for (const secret of [secretId, token, 'sk-test-own-key-0001']) {
      expect(one.log.text()).not.toContain(secret);
      expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain(secret);
    }
  });
});
