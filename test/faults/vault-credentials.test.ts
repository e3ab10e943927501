import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { secretPath } from '../../src/adapters/secret-store/vault-kv/secret-path.ts';
import { createVaultStore, type VaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { credentialDigest } from '../../src/core/credentials/credential-digest.ts';
import { type CredentialStep, credentialSteps } from '../../src/core/credentials/steps.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import type { SecretStore } from '../../src/ports/secret-store.ts';
import { createCredentialWorld, type CredentialWorld } from '../support/credential-world.ts';
import { type SeededRandom, seededRandom } from '../support/crash/seeded-random.ts';
import { sealedOver } from '../support/sealing-caller.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest, rootAuth, systemTime } from '../support/vault-fixture.ts';

const SEEDS = 40;
const OPERATIONS = 8;
/** The world's own. */
const digestKey = Buffer.alloc(32, 1);
const json = { 'content-type': 'application/json' };

const faults: readonly (readonly [Fault | undefined, number])[] = [
  [undefined, 60],
  [{ kind: 'drop-request' }, 6],
  [{ kind: 'drop-answer' }, 12],
  [{ kind: 'cut', bytes: 15 }, 6],
  [{ kind: 'hold-and-break' }, 10],
  [{ kind: 'answer', status: 500, headers: json, body: '{"errors":["internal error"]}' }, 3],
  [{ kind: 'answer', status: 503, headers: json, body: '{"errors":["Vault is sealed"]}' }, 3],
];

type Operation = 'put' | 'remove' | 'recover' | 'revoke';

describeWithVault('credentials kept in Vault, whatever happens to each request and wherever the writer dies', () => {
  let vault: VaultServer;
  let proxy: FaultProxy;
  const outcomes = new Set<string>();

  beforeAll(async () => {
    vault = await startVault();
    proxy = await startFaultProxy(vault.address);
  });

  afterAll(async () => {
    await proxy.close();
    await vault.close();
  });

  async function connect(): Promise<ClientUnderTest & { readonly store: VaultStore }> {
    const under = clientOf(proxy.url, rootAuth(vault));
    await under.client.start();
    const store = createVaultStore({ client: under.client, mount: 'secret', digest: (name, version, fields) => credentialDigest(digestKey, name, version, fields), clock: systemTime, log: under.log });
    return { ...under, store };
  }

  /** What lies in Vault under a name: each version's state and the newest value. */
  async function inVault(path: string): Promise<{ readonly states: Readonly<Record<string, string>>; readonly newest: string | undefined }> {
    const { body } = await vault.call('GET', `secret/metadata/${path}`);
    const { versions = {} } = (body as { data?: { versions?: Record<string, { destroyed: boolean; deletion_time: string }> } }).data ?? {};
    const states = Object.fromEntries(Object.entries(versions).map(([version, { destroyed, deletion_time: removal }]) => [version, destroyed ? 'destroyed' : removal === '' ? 'live' : 'removed']));
    const { status, body: read } = await vault.call('GET', `secret/data/${path}`);
    return { states, newest: status === 200 ? (read as { data: { data: { api_key?: string } } }).data.data.api_key : undefined };
  }

  async function operate(world: CredentialWorld, operation: Operation, text: string, label: string): Promise<void> {
    if (operation === 'put') await world.put(text, { label });
    else if (operation === 'remove') await world.as('credential.delete', (grant) => world.credentials.remove(grant), { label });
    else if (operation === 'recover') await world.as('credential.recover', (grant) => world.credentials.recover(grant), { label });
    else await world.as('credential.revoke', (grant) => world.credentials.revoke(grant), { label });
  }

  function breakRandomly(random: SeededRandom): void {
    proxy.breakBy(({ method, path }) => {
      if (!path.includes('/secret/')) return undefined;
      const fault = random.choose(faults);
      // Only what changes something is worth keeping for later.
      return fault?.kind === 'hold-and-break' && method === 'GET' ? undefined : fault;
    });
  }

  const seeds = Array.from({ length: SEEDS }, (_, index) => `seed ${index + 1}`);

  it.each([...seeds.map((seed) => [seed, 'refusing new keys'] as const), ...seeds.map((seed) => [seed, 'R3.5 taking new keys into the database'] as const), ...seeds.slice(0, 15).map((seed) => [seed, 'R3.6 with sealed values, taking new keys into the database'] as const)])('%s, %s while Vault is away: nothing acknowledged is lost, no version stays that nobody knows, no late write wins', async (seed, manner) => {
    const [fallback, seals] = [manner.startsWith('R3'), manner.startsWith('R3.6')];
    const random = seededRandom(seed, 'operations');
    const faultRandom = seededRandom(seed, 'faults');
    const label = `${seed.replace(' ', '-')}-${seals ? 'sealed' : fallback ? 'fallback' : 'refusing'}`;
    const path = secretPath({ scope: tenantScope('acme'), service: 'openai', label });
    let current = await connect();
    const plainStore: SecretStore = {
      kind: 'vault',
      capabilities: { destroyVersion: true },
      put: (...given) => current.store.put(...given),
      get: (...given) => current.store.get(...given),
      probe: (...given) => current.store.probe(...given),
      giveUp: async (...given) => current.store.giveUp?.(...given),
      newerThan: async (...given) => current.store.newerThan?.(...given),
      newestBase: async (...given) => (await current.store.newestBase?.(...given)) ?? null,
      remove: (...given) => current.store.remove(...given),
      restore: (...given) => current.store.restore(...given),
      destroy: (...given) => current.store.destroy(...given),
      health: () => current.store.health(),
    };
    const secretStore = seals ? sealedOver(plainStore, { clock: systemTime, random: randomBytes }) : plainStore;
    const world = createCredentialWorld({ secretStore, fallback });
    const history: string[] = [];
    /** What may be true now: the state and key of the last acknowledged change, or of one whose end is not known. */
    let possible: readonly { readonly state: string; readonly key: string | null }[] = [{ state: 'none', key: null }];

    for (let round = 0; round < OPERATIONS; round += 1) {
      const operation = random.choose<Operation>([['put', 8], ['remove', 2], ['recover', 2], ['revoke', 1]]);
      const crash = random.choose<CredentialStep | undefined>([[undefined, 20], ...credentialSteps.map((step) => [step, 1] as const)]);
      const text = `sk-test-${label}-${round}`;
      world.crashAt(crash);
      breakRandomly(faultRandom);
      const outcome = await operate(world, operation, text, label).then(
        () => 'ok',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      );
      outcomes.add(outcome);
      if (outcome === 'ok' && operation === 'put') outcomes.add(`stored in ${(await world.record(label))?.record.current?.reference.store}`);
      history.push(`${operation}${crash === undefined ? '' : ` dying at ${crash}`}: ${outcome}`);
      world.crashAt(undefined);
      proxy.heal();
      const before = possible;
      const afterwards = before.map(({ key }) => (operation === 'put' ? { state: 'active', key: text } : { state: operation === 'remove' ? 'deleted' : operation === 'recover' ? 'active' : 'revoked', key }));
      if (outcome === 'ok') possible = afterwards;
      else possible = [...before, ...afterwards];

      // The process that wrote is gone, another one finishes what it left, and only then what was stuck on the way arrives.
      await current.client.close();
      current = await connect();
      if (random.below(2) === 0) await proxy.release();
      world.clock.advance(31_000);
      await world.reconcile();
      // What was finished only now moves in the next run.
      await world.reconcile();
      await proxy.release();

      const record = (await world.record(label))?.record;
      expect(record?.intent ?? null, history.join('\n')).toBeNull();
      const { states, newest } = await inVault(path);
      const told = `${history.join('\n')}\n${JSON.stringify(states)} ${newest} ${JSON.stringify(record?.current)}`;
      const state = record === undefined || record.state === 'new' ? 'none' : record.state;
      if (state === 'active') {
        const key = await world.served();
        // The one exception: recovered below a version that only rules a put out.
        if (newest !== undefined || !history.some((line) => line.startsWith('recover'))) expect(seals ? newest?.startsWith('sk-test') : newest, told).toBe(seals ? false : key);
        expect(possible.some((fact) => fact.state === 'active' && fact.key === key), told).toBe(true);
        possible = [{ state, key: key ?? null }];
      } else {
        expect(possible.some((fact) => fact.state === state), told).toBe(true);
        expect(newest, told).toBeUndefined();
        possible = possible.filter((fact) => fact.state === state);
      }
      world.clock.advance(61_000);
      await world.reconcile();
      const { states: kept } = await inVault(path);
      const used = state === 'active' || state === 'deleted' ? record?.current?.reference.version : undefined;
      // A deleted one that was stored while Vault was away moves when it is recovered.
      const isInVault = used !== undefined && record?.current?.reference.store === 'vault';
      if (state === 'active') expect(isInVault, told).toBe(true);
      expect(Object.entries(kept).filter(([, it]) => it !== 'destroyed').map(([version]) => version), told).toEqual(isInVault ? [used] : []);
      expect(world.database.keptVersions(), told).toBe(used === undefined || isInVault ? 0 : 1);
    }
    await current.client.close();
  });

  it('a key that was stored again, after Vault was made to forget the name and numbers anew, is not destroyed in the place of the one before', async () => {
    const { client, store } = await connect();
    const world = createCredentialWorld({ secretStore: store });
    await world.put('sk-test-forgotten-1', {});
    await vault.ask('DELETE', `secret/metadata/${secretPath({ scope: tenantScope('acme'), service: 'openai', label: 'default' })}`);
    for (const key of ['sk-test-forgotten-2', 'sk-test-forgotten-3']) {
      await world.put(key, {});
      world.clock.advance(61_000);
      await world.reconcile();
      expect(await world.served()).toBe(key);
    }
    await client.close();
  });

  it('was a trial: there were successes, outages and crashes', () => {
    expect([...outcomes]).toEqual(expect.arrayContaining(['ok', 'unavailable', 'Error: put.begun', 'Error: put.stored', 'stored in vault', 'stored in sealed']));
  });
});
