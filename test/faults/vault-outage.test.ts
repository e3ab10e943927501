import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createVaultStore, type VaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import type { SecretReference } from '../../src/ports/secret-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, newAppRole, systemTime } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });
const json = { 'content-type': 'application/json' };
const digest = (_name: unknown, _version: number, fields: Readonly<Record<string, SecretValue>>) => fieldsDigest(Buffer.alloc(32, 7), fields);

/** Somebody who takes what Vault audits, until they leave. */
async function listenAgain(port: number): Promise<{ readonly port: number; leave(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => open.add(socket.resume().on('error', () => undefined)));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async leave() {
      const left = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await left;
    },
  };
}

describeWithVault('when Vault cannot serve, its secrets are unavailable and never absent', () => {
  let vault: VaultServer;
  let proxy: FaultProxy;
  let under: ClientUnderTest;
  let store: VaultStore;
  let kept: SecretReference;

  beforeAll(async () => {
    vault = await startVault({ storage: 'file' });
    proxy = await startFaultProxy(vault.address);
  });

  afterAll(async () => {
    await proxy.close();
    await vault.close();
  });

  beforeEach(async () => {
    proxy.heal();
    under = clientOf(proxy.url, await (await newAppRole(vault)).auth());
    store = createVaultStore({ client: under.client, mount: 'secret', digest, clock: systemTime, log: under.log });
    const fields = { api_key: new SecretValue('sk-test-outage-0001') };
    const name = { scope: tenantScope(`t-${randomBytes(6).toString('hex')}`), service: 'openai', label: 'default' };
    kept = await store.put(name, fields, { id: 'one', version: 1, cas: null, digest: digest(name, 1, fields) });
    proxy.requests.length = 0;
  });

  afterEach(async () => {
    // Also where a test has failed in the middle: the next one begins with a Vault that answers.
    vault.resume();
    await under.client.close();
  });

  async function expectServed(): Promise<void> {
    expect((await store.get(kept))['api_key']?.reveal()).toBe('sk-test-outage-0001');
  }

  /** By itself: nobody asks for anything meanwhile. */
  async function expectRecovery(): Promise<void> {
    await under.log.until('vault_connected', 2);
    expect(under.client.connected()).toBe(true);
    expect(await store.health()).toMatchObject({ connected: true });
    await expectServed();
  }

  async function expectOutage(reason: RegExp): Promise<void> {
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    await expect(store.probe(kept.name, { id: 'two', version: 2, cas: kept.version, digest: '' })).rejects.toThrow(unavailable);
    expect(under.client.connected()).toBe(false);
    expect((await store.health()).connected).toBe(false);
    expect(under.log.of('vault_connection_failed').map(({ msg }) => msg).join()).toMatch(reason);
  }

  it('stopped', async () => {
    await vault.stop();
    await expectOutage(/broke|cannot be reached|away/);
    await vault.start();
    await expectRecovery();
  });

  it('killed', async () => {
    await vault.kill();
    await expectOutage(/broke|cannot be reached|away/);
    await vault.start();
    await expectRecovery();
  });

  it('sealed, also after a restart', async () => {
    await vault.seal();
    await expectOutage(/sealed/);
    expect(under.log.count('vault_connection_failed')).toBe(1);
    await vault.kill();
    await vault.start({ sealed: true });
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    await vault.unseal();
    await expectRecovery();
  });

  it('frozen: no answer within the time', async () => {
    vault.pause();
    const startedAt = performance.now();
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await under.log.until('vault_connection_failed');
    expect(under.log.of('vault_connection_failed')[0]?.msg).toContain('in time');
    vault.resume();
    await expectRecovery();
  });

  it('so slow that the answer trickles', async () => {
    proxy.break({ kind: 'trickle', bytes: 2 });
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    await under.log.until('vault_connection_failed');
    expect(under.log.of('vault_connection_failed')[0]?.msg).toContain('in time');
    proxy.heal();
    await expectRecovery();
  });

  const broken: readonly (readonly [what: string, fault: Fault, reason: RegExp])[] = [
    ['the connection breaks', { kind: 'drop-request' }, /broke/],
    ['the answer is lost', { kind: 'drop-answer' }, /broke/],
    ['the answer is garbage', { kind: 'garbage' }, /does not speak like Vault/],
    ['half an answer', { kind: 'cut', bytes: 20 }, /broke/],
    ['no byte of the answer', { kind: 'cut', bytes: 0 }, /broke/],
    ['an error page of a proxy', { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>Not found</h1>' }, /does not speak like Vault/],
    ['a sign-in page', { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' }, /does not speak like Vault/],
    ['a proxy that forbids', { kind: 'answer', status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>Forbidden</h1>' }, /does not speak like Vault/],
    ['JSON that is cut', { kind: 'answer', status: 200, headers: json, body: '{"data":{"data":{"api_k' }, /does not speak like Vault/],
    ['JSON that is no object', { kind: 'answer', status: 200, headers: json, body: '[]' }, /does not speak like Vault/],
    ['JSON in another encoding', { kind: 'answer', status: 200, headers: json, body: '\uFFFE' }, /does not speak like Vault/],
    ['2 MiB', { kind: 'answer', status: 200, headers: json, body: `{"data":"${'x'.repeat(2 * 1024 * 1024)}"}` }, /does not speak like Vault|broke/],
    ['a 404 without type', { kind: 'answer', status: 404 }, /does not speak like Vault/],
    ['bad gateway', { kind: 'answer', status: 502 }, /away/],
    ['a maintenance page', { kind: 'answer', status: 503, headers: { 'content-type': 'text/html' }, body: 'later' }, /away/],
    ['not initialised', { kind: 'answer', status: 501, headers: json, body: '{"errors":["not initialized"]}' }, /not initialised/],
    ['a standby that cannot serve', { kind: 'answer', status: 473, headers: json, body: '{"errors":[]}' }, /standby/],
    ['a removed node', { kind: 'answer', status: 530, headers: json, body: '{"errors":[]}' }, /removed/],
    ['a redirect to another address', { kind: 'answer', status: 307, headers: { location: 'http://127.0.0.1:1/v1/secret/data/x' } }, /another address/],
    ['a redirect without end', { kind: 'answer', status: 307, headers: { location: '/v1/secret/data/x' } }, /another address/],
  ];

  it.each(broken)('%s', async (_what, fault, reason) => {
    proxy.break(fault);
    await expectOutage(reason);
    proxy.heal();
    await expectRecovery();
  });

  it('asks a Vault that keeps failing now and then only, and fails everybody else at once', async () => {
    proxy.break({ kind: 'drop-request' });
    await Promise.all(Array.from({ length: 10 }, () => expect(store.get(kept)).rejects.toThrow(unavailable)));
    proxy.requests.length = 0;
    const startedAt = performance.now();
    for (let round = 0; round < 200; round += 1) await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(proxy.requests.length).toBeLessThan(20);
    proxy.heal();
    await expectRecovery();
  });

  describe('what is about one request and not about Vault', () => {
    const isRead = ({ path }: ProxiedRequest) => path.includes('/data/');

    it('a quota: waits as long as it says when that is short, else tells how long', async () => {
      proxy.break({ kind: 'answer', status: 429, headers: { ...json, 'retry-after': '1' }, body: '{"errors":["request path: rate limit quota exceeded"]}' }, isRead, 1);
      await expectServed();
      proxy.break({ kind: 'answer', status: 429, headers: { ...json, 'retry-after': '17' }, body: '{"errors":["rate limit quota exceeded"]}' }, isRead);
      await expect(store.get(kept)).rejects.toThrow(expect.objectContaining({ code: 'unavailable', retryAfterSeconds: 17 }));
      expect(under.client.connected()).toBe(true);
    });

    it('a real quota: out of it the key is unavailable, not absent, Vault is there all the same, and afterwards the key is, too', async () => {
      await vault.ask('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true });
      await vault.ask('POST', 'sys/quotas/rate-limit/keyhold', { path: 'secret/', rate: 1, interval: '30s' });
      await store.get(kept).catch(() => undefined);
      const error: unknown = await store.get(kept).catch((caught: unknown) => caught);
      expect(error).toEqual(unavailable);
      expect((error as { readonly retryAfterSeconds?: number }).retryAfterSeconds).toBeGreaterThan(1);
      expect([under.client.connected(), await store.health()]).toMatchObject([true, { connected: true }]);
      await vault.ask('DELETE', 'sys/quotas/rate-limit/keyhold');
      await expectServed();
    });

    it('a node that lags behind is asked again, with the state that it must have reached', async () => {
      proxy.break({ kind: 'answer', status: 200, headers: { ...json, 'x-vault-index': 'djE6c3RhdGU=' }, body: '{"data":{"data":{},"metadata":{"version":1}}}' }, isRead, 1);
      await store.get(kept);
      proxy.requests.length = 0;
      proxy.break({ kind: 'answer', status: 412, headers: json, body: '{"errors":["required index state not present"]}' }, isRead, 2);
      await expectServed();
      expect(proxy.requests.filter(isRead).map(({ headers }) => headers['x-vault-index'])).toEqual(['djE6c3RhdGU=', 'djE6c3RhdGU=', 'djE6c3RhdGU=']);
      proxy.break({ kind: 'answer', status: 412, headers: json, body: '{"errors":["required index state not present"]}' }, isRead);
      await expect(store.get(kept)).rejects.toThrow(unavailable);
    });

    it('a state that no node has any more, as after a restored snapshot, is asked for a while only', async () => {
      let ahead = 0;
      const later = clientOf(proxy.url, await (await newAppRole(vault)).auth(), { clock: { now: () => systemTime.now(), monotonic: () => systemTime.monotonic() + ahead } });
      proxy.break({ kind: 'answer', status: 200, headers: { ...json, 'x-vault-index': 'djE6bG9zdA==' }, body: '{"data":{"data":{},"metadata":{"version":1}}}' }, isRead, 1);
      const read = () => later.client.readSecret('secret', 'ai-gateway');
      await read();
      proxy.breakBy(({ headers }) => (headers['x-vault-index'] === undefined ? undefined : { kind: 'answer', status: 412, headers: json, body: '{"errors":["required index state not present"]}' }));
      await expect(read()).rejects.toThrow(unavailable);
      ahead = 61_000;
      expect(await read()).toBeUndefined();
      await later.client.close();
    });

    it('an engine that is not there is no absent key', async () => {
      const elsewhere = createVaultStore({ client: under.client, mount: 'nowhere', digest, clock: systemTime, log: under.log });
      // Vault says 403 to who may not know, and 404 with an error to who may.
      await expect(elsewhere.get(kept)).rejects.toThrow(expect.objectContaining({ code: 'permission_denied' }));
      proxy.break({ kind: 'answer', status: 404, headers: json, body: '{"errors":["no handler for route \\"nowhere/data/x\\". route entry not found."]}' }, isRead);
      await expect(store.get(kept)).rejects.toThrow(unavailable);
    });

    it('a failure inside Vault', async () => {
      proxy.break({ kind: 'answer', status: 500, headers: json, body: '{"errors":["internal error sk-test-quoted-0001"]}' }, isRead);
      const error: unknown = await store.get(kept).catch((caught: unknown) => caught);
      expect(error).toEqual(unavailable);
      expect(String(error)).not.toContain('quoted');
      expect(under.log.text()).not.toContain('quoted');
    });

    it('the answer to another question', async () => {
      proxy.break({ kind: 'answer', status: 200, headers: json, body: '{"data":{"data":{"api_key":"sk-test-other-0001"},"metadata":{"version":9}}}' }, isRead);
      await expect(store.get(kept)).rejects.toThrow(unavailable);
      proxy.break({ kind: 'answer', status: 404, headers: json, body: '{"data":{"something":"else"}}' }, isRead);
      await expect(store.get(kept)).rejects.toThrow(unavailable);
    });

    it('a redirect within the same address is followed, with the token', async () => {
      const target = `/v1/secret/data/tenants/${kept.name.scope.kind === 'tenant' ? kept.name.scope.tenant : ''}/api-keys/openai?version=1`;
      proxy.break({ kind: 'answer', status: 307, headers: { location: target } }, isRead, 1);
      await expectServed();
    });
  });

  it('a Vault that is well by its own account and can do nothing, since its audit device cannot be written', async () => {
    const auditors = await listenAgain(0);
    await vault.ask('PUT', 'sys/audit/away', { type: 'socket', options: { address: `127.0.0.1:${auditors.port}`, write_timeout: '1s' } });
    await auditors.leave();
    await eventually(
      async () => {
        await store.get(kept).catch(() => undefined);
        return under.log.count('vault_connection_failed') > 0;
      },
      () => 'it was not noticed',
    );
    expect(under.log.of('vault_connection_failed')[0]?.msg).toContain('Vault failed. Its own log says why.');
    expect((await vault.call('GET', 'sys/health')).status).toBe(200);
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect([under.client.connected(), await store.health()]).toMatchObject([false, { connected: false }]);
    const back = await listenAgain(auditors.port);
    await expectRecovery();
    await vault.ask('DELETE', 'sys/audit/away');
    await back.leave();
  });

  it('a token is never sent to where a redirect leads', async () => {
    let connections = 0;
    const other = createServer(() => {
      connections += 1;
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    proxy.break({ kind: 'answer', status: 307, headers: { location: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1/sys/health` } });
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    await new Promise((resolve) => other.close(resolve));
    expect(connections).toBe(0);
  });

  it('starts without Vault, and finds it when it comes', async () => {
    const late = clientOf(proxy.url, await (await newAppRole(vault)).auth());
    await vault.stop();
    await expect(late.client.start()).rejects.toThrow(unavailable);
    expect(late.log.lines.map(({ event }) => event)).toEqual(['vault_connection_failed']);
    await vault.start();
    await late.log.until('vault_connected');
    await late.client.close();
    await eventually(() => !late.client.connected(), () => 'closed and yet connected');
  });
});
