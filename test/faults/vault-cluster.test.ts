import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createVaultStore, type VaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { type SecretReference, StoreUntouched } from '../../src/ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, newAppRole, systemTime } from '../support/vault-fixture.ts';

const KEY = 'sk-test-cluster-0001';
const unavailable = expect.objectContaining({ code: 'unavailable' });
const digest = (_name: unknown, version: number, fields: SecretFields) => `${version} ${fieldsDigest(Buffer.alloc(32, 7), fields)}`;

describeWithVault('a cluster of two real nodes', () => {
  let active: VaultServer;
  let standby: VaultServer;
  /** Stands before the standby. */
  let proxy: FaultProxy;
  let under: ClientUnderTest;
  let store: VaultStore;
  let kept: SecretReference;

  beforeAll(async () => {
    active = await startVault({ storage: 'raft' });
    standby = await startVault({ storage: 'raft', joins: active });
    proxy = await startFaultProxy(standby.address);
  });

  afterAll(async () => {
    await proxy.close();
    await Promise.all([active.close(), standby.close()]);
  });

  beforeEach(async () => {
    proxy.heal();
    under = clientOf(proxy.url, await (await newAppRole(active)).auth());
    store = createVaultStore({ client: under.client, mount: 'secret', digest, clock: systemTime, log: under.log });
    kept = await put(KEY);
    proxy.requests.length = 0;
  });

  afterEach(async () => under.client.close());

  async function put(text: string): Promise<SecretReference> {
    const name = { scope: tenantScope(`t-${randomBytes(6).toString('hex')}`), service: 'openai', label: 'default' };
    const fields = { api_key: new SecretValue(text) };
    return store.put(name, fields, { id: randomBytes(8).toString('hex'), version: 1, cas: null, digest: digest(name, 1, fields) });
  }

  async function expectServed(): Promise<void> {
    expect((await store.get(kept))['api_key']?.reveal()).toBe(KEY);
  }

  const said = () => under.log.of('vault_connection_failed').map(({ msg }) => msg).join('\n');

  it('serves through the standby, which says 429 of its health and passes requests on', async () => {
    expect((await standby.call('GET', 'sys/health')).status).toBe(429);
    await expectServed();
    expect(await store.health()).toMatchObject({ connected: true });
    expect(under.log.lines.map(({ event }) => event)).not.toContain('vault_connection_failed');
  });

  it('goes nowhere with its token when the standby sends it to the active node, and recovers', async () => {
    proxy.break({ kind: 'add-headers', headers: { 'x-vault-no-request-forwarding': 'true' } });
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect(said()).toContain('another address');
    expect(await store.health()).toMatchObject({ connected: false });
    proxy.heal();
    await under.log.until('vault_connected', 2);
    await expectServed();
  });

  it('without an active node it is an outage, nothing is written, and it is over when there is one again', async () => {
    proxy.target = active.address;
    await active.ask('PUT', 'sys/step-down');
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect(said()).toContain('no active node');
    expect([under.client.connected(), await store.health()]).toMatchObject([false, { connected: false }]);
    await expect(put('sk-test-cluster-0002')).rejects.toBeInstanceOf(StoreUntouched);
    await under.log.until('vault_connected', 2);
    await expectServed();
    proxy.target = standby.address;
  });

  it('with the active node killed the standby serves nobody, and says nothing of keys; all is well when it is back', async () => {
    const [dies, stays] = (await active.call('GET', 'sys/health')).status === 200 ? [active, standby] : [standby, active];
    proxy.target = stays.address;
    await dies.kill();
    // First it sends everybody to the dead one, and then to nobody.
    await eventually(async () => {
      await expect(store.get(kept)).rejects.toThrow(unavailable);
      expect((await store.health()).connected).toBe(false);
      await expect(put('sk-test-cluster-0003')).rejects.toThrow(unavailable);
      return said().includes('no active node');
    }, said);
    await dies.start();
    await eventually(async () => (await store.get(kept).catch(() => ({})) as SecretFields)['api_key']?.reveal() === KEY, said);
    expect(await store.health()).toMatchObject({ connected: true });
  });

  it('a node that was removed says so', async () => {
    const isActive = (await active.call('GET', 'sys/health')).status === 200;
    const [leader, other] = isActive ? [active, standby] : [standby, active];
    proxy.target = other.address;
    const { config } = await leader.ask('GET', 'sys/storage/raft/configuration');
    const { servers } = config as { readonly servers: readonly { readonly node_id: string; readonly leader: boolean }[] };
    await leader.ask('POST', 'sys/storage/raft/remove-peer', { server_id: servers.find((server) => !server.leader)?.node_id });
    await eventually(async () => (await other.call('GET', 'sys/health')).status === 530, () => 'it does not know that it was removed');
    await expect(store.get(kept)).rejects.toThrow(unavailable);
    expect(await store.health()).toMatchObject({ connected: false });
    await eventually(() => said().includes('removed'), said);
    proxy.target = leader.address;
    await under.log.until('vault_connected', 2);
    await expectServed();
  });
});
