import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { secretPath } from '../../src/adapters/secret-store/vault-kv/secret-path.ts';
import { createVaultStore, type VaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { type PutIntent, type SecretName, type SecretReference, StoreUntouched } from '../../src/ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, newAppRole, rootAuth, systemTime } from '../support/vault-fixture.ts';

const unavailable = expect.objectContaining({ code: 'unavailable' });
const conflict = expect.objectContaining({ code: 'conflict' });
const digestKey = Buffer.alloc(32, 7);
const digest = (_name: SecretName, version: number, fields: SecretFields) => `${version} ${fieldsDigest(digestKey, fields)}`;

describeWithVault('writing to Vault', () => {
  let vault: VaultServer;
  let proxy: FaultProxy;
  let under: ClientUnderTest;
  let store: VaultStore;
  let name: SecretName;

  beforeAll(async () => {
    vault = await startVault({ audit: true });
    proxy = await startFaultProxy(vault.address);
    under = clientOf(proxy.url, await (await newAppRole(vault)).auth());
    await under.client.start();
    store = newStore('secret');
    await store.check();
  });

  afterAll(async () => {
    await under.client.close();
    await proxy.close();
    await vault.close();
  });

  beforeEach(() => {
    proxy.heal();
    proxy.requests.length = 0;
    name = { scope: tenantScope(`t-${randomBytes(6).toString('hex')}`), service: 'openai', label: 'default' };
  });

  function newStore(mount: string, client = under.client): VaultStore {
    return createVaultStore({ client, mount, digest, clock: systemTime, log: under.log });
  }

  const secret = (text: string): SecretFields => ({ api_key: new SecretValue(text) });
  const textOf = async (reference: SecretReference) => (await store.get(reference))['api_key']?.reveal();
  const isWrite = ({ method, path }: ProxiedRequest) => method === 'POST' && path.includes('/data/');

  function intend(version: number, text: string, base: SecretReference | null): PutIntent {
    return { id: randomBytes(16).toString('hex'), version, cas: base?.version ?? null, digest: digest(name, version, secret(text)) };
  }

  function put(version: number, text: string, base: SecretReference | null): Promise<SecretReference> {
    return store.put(name, secret(text), intend(version, text, base));
  }

  /** What somebody who reads the newest version with Vault's own tools finds. */
  async function seenByOthers(): Promise<unknown> {
    const { status, body } = await vault.call('GET', `secret/data/${secretPath(name)}`);
    return status === 200 ? (body as { data: { data: unknown } }).data.data : undefined;
  }

  async function inVault(): Promise<string[]> {
    const { versions = {} } = await vault.ask('GET', `secret/metadata/${secretPath(name)}`);
    return Object.values(versions as Record<string, { destroyed: boolean; deletion_time: string }>).map(({ destroyed, deletion_time: removal }) => (destroyed ? 'destroyed' : removal === '' ? 'live' : 'removed'));
  }

  /** A write whose request is on its way to Vault, and whose writer has given up waiting. */
  async function stuckPut(version: number, text: string, base: SecretReference | null): Promise<PutIntent> {
    const intent = intend(version, text, base);
    proxy.break({ kind: 'hold' }, isWrite);
    const waiting = store.put(name, secret(text), intent);
    const rejected = expect(waiting).rejects.toThrow(unavailable);
    await eventually(() => proxy.held() > 0, () => 'the write did not reach the proxy');
    proxy.break({ kind: 'drop-request' }, isWrite);
    await rejected;
    proxy.heal();
    return intent;
  }

  /** By itself. */
  async function reconnected(): Promise<void> {
    await eventually(() => under.client.connected(), () => 'it did not recover');
  }

  describe('layout (R2.2)', () => {
    it('is where users\' own scripts look', async () => {
      await put(1, 'sk-test-layout-0001', null);
      expect(await seenByOthers()).toEqual({ api_key: 'sk-test-layout-0001' });
      expect(secretPath(name)).toMatch(/^tenants\/t-[0-9a-f]+\/api-keys\/openai$/);
    });

    it('logs names of secrets when it reads, never values (R2.5)', async () => {
      await textOf(await put(1, 'sk-test-logged-0001', null));
      expect(under.log.of('secret_fetched_from_vault').at(-1)?.fields).toMatchObject({ key: 'api_key', name: `tenants/${name.scope.kind === 'tenant' ? name.scope.tenant : ''}/openai` });
      expect(under.log.text()).not.toContain('sk-test-logged-0001');
    });

    it('leaves no value in Vault\'s audit file and server log', async () => {
      await textOf(await put(1, 'sk-test-canary-0001', null));
      expect(await readFile(vault.auditFile, 'utf8')).toContain(secretPath(name));
      expect(await readFile(vault.auditFile, 'utf8')).not.toContain('sk-test-canary-0001');
      expect(await readFile(vault.logFile, 'utf8')).not.toContain('sk-test-canary-0001');
    });
  });

  describe('lost answers', () => {
    it('a put whose answer is lost is found, and written once', async () => {
      proxy.break({ kind: 'drop-answer' }, isWrite, 1);
      const reference = await put(1, 'sk-test-lost-0001', null);
      expect(reference.version).toBe('1');
      expect(await inVault()).toEqual(['live']);
      proxy.break({ kind: 'cut', bytes: 10 }, isWrite, 1);
      expect((await put(2, 'sk-test-lost-0002', reference)).version).toBe('2');
      expect(await inVault()).toEqual(['live', 'live']);
    });

    it('a put whose request is lost is sent once more', async () => {
      proxy.break({ kind: 'drop-request' }, isWrite, 1);
      expect(await textOf(await put(1, 'sk-test-again-0001', null))).toBe('sk-test-again-0001');
    });

    it('a put that was carried out, and whose standby then sent us on since it could not say so, is found and written once', async () => {
      const redirect = (location: string) => ({ kind: 'answer', status: 307, headers: { location }, after: 'carried-out' }) as const;
      proxy.break(redirect('http://127.0.0.1:1/v1/secret/data/x'), isWrite, 1);
      const reference = await put(1, 'sk-test-moved-0001', null);
      expect([reference.version, await inVault()]).toEqual(['1', ['live']]);
      proxy.break(redirect(`/v1/secret/data/${secretPath(name)}`), isWrite, 1);
      const second = await put(2, 'sk-test-moved-0002', reference);
      expect([second.version, await inVault()]).toEqual(['2', ['live', 'live']]);
      // And nothing is claimed of what comes after it.
      let writes = 0;
      proxy.breakBy((request) => {
        if (!isWrite(request)) return writes === 0 ? undefined : { kind: 'drop-request' };
        writes += 1;
        return writes === 1 ? redirect(`/v1/secret/data/${secretPath(name)}`) : { kind: 'answer', status: 503, headers: { 'content-type': 'application/json' }, body: '{"errors":["Vault is sealed"]}' };
      });
      const error: unknown = await put(3, 'sk-test-moved-0003', second).catch((caught: unknown) => caught);
      expect(error).toEqual(unavailable);
      expect(error).not.toBeInstanceOf(StoreUntouched);
      proxy.heal();
      await reconnected();
      expect((await store.probe(name, intend(3, 'sk-test-moved-0003', second)))?.version).toBe('3');
    });

    it('a put that is on its way when the connection is closed may have happened', async () => {
      const closing = clientOf(proxy.url, rootAuth(vault));
      const itsStore = newStore('secret', closing.client);
      await itsStore.check();
      proxy.break({ kind: 'hold' }, isWrite);
      const waiting = itsStore.put(name, secret('sk-test-closing-01'), intend(1, 'sk-test-closing-01', null)).catch((caught: unknown) => caught);
      await eventually(() => proxy.held() > 0, () => 'the write did not reach the proxy');
      await closing.client.close();
      const error = await waiting;
      expect(error).toEqual(unavailable);
      expect(error).not.toBeInstanceOf(StoreUntouched);
      await proxy.release();
      expect(await inVault()).toEqual(['live']);
    });

    it('a question that gets no answer leaves nothing to be found out: nothing was asked to change', async () => {
      const first = await put(1, 'sk-test-asked-0001', null);
      proxy.break({ kind: 'drop-request' }, ({ method }) => method === 'GET');
      await expect(put(2, 'sk-test-asked-0002', first)).rejects.toBeInstanceOf(StoreUntouched);
      proxy.heal();
      await reconnected();
      expect(await inVault()).toEqual(['live']);
    });

    it('a put of which nothing is known is proven afterwards', async () => {
      const intent = intend(1, 'sk-test-unknown-1', null);
      proxy.break({ kind: 'drop-answer' });
      const error: unknown = await store.put(name, secret('sk-test-unknown-1'), intent).catch((caught: unknown) => caught);
      expect(error).toEqual(unavailable);
      expect(error).not.toBeInstanceOf(StoreUntouched);
      proxy.heal();
      const proven = await store.probe(name, intent).catch(async () => {
        await under.log.until('vault_connected', 2);
        return store.probe(name, intent);
      });
      expect(proven?.version).toBe('1');
    });

    it('says that nothing was touched when Vault refuses or was not reached', async () => {
      const down = clientOf('http://127.0.0.1:1', rootAuth(vault));
      const error: unknown = await newStore('secret', down.client).put(name, secret('sk-test-down-0001'), intend(1, 'sk-test-down-0001', null)).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(StoreUntouched);
      await down.client.close();
      proxy.break({ kind: 'answer', status: 503, headers: { 'content-type': 'application/json' }, body: '{"errors":["Vault is sealed"]}' }, isWrite, 1);
      await expect(put(1, 'sk-test-down-0001', null)).rejects.toBeInstanceOf(StoreUntouched);
      await reconnected();
    });
  });

  describe('puts that were given up', () => {
    it('cannot arrive later where nothing was kept, and the next put works', async () => {
      const given = await stuckPut(1, 'sk-test-late-0001', null);
      expect(await store.probe(name, given)).toBeUndefined();
      expect(await store.giveUp?.(name, given)).toBeUndefined();
      await proxy.release();
      expect(await store.probe(name, given)).toBeUndefined();
      expect(await seenByOthers()).toBeUndefined();
      const next = await put(2, 'sk-test-next-0001', null);
      expect(await textOf(next)).toBe('sk-test-next-0001');
      expect(await inVault()).toEqual(['destroyed', 'live']);
    });

    it('cannot arrive later on a live key, which goes on for every reader and moves', async () => {
      const first = await put(1, 'sk-test-live-0001', null);
      const given = await stuckPut(2, 'sk-test-late-0002', first);
      expect(await store.probe(name, given)).toBeUndefined();
      const moved = await store.giveUp?.(name, given);
      expect(moved).toMatchObject({ store: 'vault', version: '2' });
      await proxy.release();
      expect(await seenByOthers()).toEqual({ api_key: 'sk-test-live-0001' });
      expect(await textOf(moved ?? first)).toBe('sk-test-live-0001');
      expect(await textOf(first)).toBe('sk-test-live-0001');
      expect(await store.probe(name, given)).toBeUndefined();
      const next = await put(3, 'sk-test-next-0002', moved ?? first);
      await store.destroy(first);
      expect(await textOf(next)).toBe('sk-test-next-0002');
    });

    it('stay given up when their writer wakes up and asks again', async () => {
      const given = intend(1, 'sk-test-asleep-01', null);
      expect(await store.giveUp?.(name, given)).toBeUndefined();
      await expect(store.put(name, secret('sk-test-asleep-01'), given)).rejects.toThrow(conflict);
      expect(await inVault()).toEqual(['destroyed']);
    });

    it('are finished when whoever gave them up died on the way, at each request', async () => {
      for (const ending of ['/metadata/', '/data/', '/destroy/']) {
        for (const base of [null, 'live'] as const) {
          name = { ...name, scope: tenantScope(`t-${randomBytes(6).toString('hex')}`) };
          const first = base === null ? null : await put(1, 'sk-test-base-0001', null);
          const given = intend(2, 'sk-test-gone-0001', first);
          proxy.break({ kind: 'drop-answer' }, ({ method, path }) => method !== 'GET' && path.includes(ending), 1);
          const moved = await store.giveUp?.(name, given).catch(() => store.giveUp?.(name, given));
          proxy.heal();
          expect(moved?.version).toBe(first === null ? undefined : '2');
          expect(await seenByOthers()).toEqual(first === null ? undefined : { api_key: 'sk-test-base-0001' });
          expect(await inVault()).toEqual(first === null ? ['destroyed'] : ['live', 'live']);
          await expect(store.put(name, secret('sk-test-gone-0001'), given)).rejects.toThrow(conflict);
        }
      }
    });

    it('are not given up when they have arrived meanwhile', async () => {
      const first = await put(1, 'sk-test-race-0001', null);
      const given = intend(2, 'sk-test-race-0002', first);
      const arrived = await store.put(name, secret('sk-test-race-0002'), given);
      await expect(store.giveUp?.(name, given)).rejects.toThrow(conflict);
      expect(await store.probe(name, given)).toEqual(arrived);
    });

    it('leave a key alone that somebody has put there by hand', async () => {
      const first = await put(1, 'sk-test-hand-0001', null);
      const given = intend(2, 'sk-test-hand-0002', first);
      await vault.ask('POST', `secret/data/${secretPath(name)}`, { data: { api_key: 'sk-test-hand-0003' } });
      expect(await store.probe(name, given)).toBeUndefined();
      expect(await store.giveUp?.(name, given)).toBeUndefined();
      expect(await seenByOthers()).toEqual({ api_key: 'sk-test-hand-0003' });
      expect((await store.newerThan?.(first))?.version).toBe('2');
      expect(await textOf(first)).toBe('sk-test-hand-0001');
      await expect(put(3, 'sk-test-hand-0004', first)).rejects.toThrow(conflict);
      expect(await inVault()).toEqual(['live', 'live']);
    });

    it('and were destroyed by a revocation do not keep the next put off', async () => {
      const first = await put(1, 'sk-test-revoke-001', null);
      await store.destroy(await put(2, 'sk-test-revoke-002', first));
      await store.destroy(first);
      expect(await textOf(await put(3, 'sk-test-revoke-003', first))).toBe('sk-test-revoke-003');
    });
  });
});
