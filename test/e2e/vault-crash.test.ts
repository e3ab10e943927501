import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CredentialStep } from '../../src/core/credentials/steps.ts';
import { type ApiAnswer, apiOf, handOver, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import type { Product } from '../support/product.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { pathOf, problemsOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const FIRST = 'sk-test-first-key-0001';
const SECOND = 'sk-test-second-key-0002';

let world: VaultWorld;
let proxy: FaultProxy;
let tenants = 0;

/** One tenant's credential, and what is done to it. */
class Slot {
  readonly tenant: TestTenant;
  readonly #path: string;

  constructor(tenant: TestTenant) {
    this.tenant = tenant;
    this.#path = `/api/v1/tenants/${tenant.id}/credentials/openai`;
  }

  put(key: string): Promise<ApiAnswer> {
    return handOver(this.tenant, 'openai', key);
  }

  remove(): Promise<ApiAnswer> {
    return this.tenant.admin.must('DELETE', this.#path);
  }

  post(operation: 'revoke' | 'recover' | 'purge'): Promise<ApiAnswer> {
    return this.tenant.admin.must('POST', `${this.#path}/${operation}`);
  }

  /** After a start, on the new one's address. */
  async state(): Promise<unknown> {
    const answer = await apiOf(world.product().url, this.tenant.admin.token).call('GET', this.#path);
    return answer.status === 404 ? 'none' : answer.body['state'];
  }
}

interface Standing {
  readonly state: 'none' | 'active' | 'deleted' | 'revoked';
  /** With which key it serves. */
  readonly key: string | null;
}

const none: Standing = { state: 'none', key: null };
const first: Standing = { state: 'active', key: FIRST };
const second: Standing = { state: 'active', key: SECOND };
const deleted: Standing = { state: 'deleted', key: null };
const revoked: Standing = { state: 'revoked', key: null };

interface Scenario {
  readonly name: string;
  readonly before: (slot: Slot) => Promise<unknown>;
  readonly act: (slot: Slot) => Promise<unknown>;
  readonly outcomes: Readonly<Partial<Record<CredentialStep, Standing>>>;
  /** A put that has begun before, and stands still at this step. */
  readonly held?: CredentialStep;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'a first put',
    before: async () => {},
    act: (slot) => slot.put(FIRST),
    outcomes: { 'put.begun': none, 'put.stored': first, 'put.committed': first, 'put.announced': first },
  },
  {
    name: 'a replacing put',
    before: (slot) => slot.put(FIRST),
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': first, 'put.stored': second, 'put.committed': second, 'put.announced': second },
  },
  {
    name: 'a put over a revoked credential',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.post('revoke');
    },
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': revoked, 'put.stored': second },
  },
  {
    name: 'a put over a deleted credential',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.put(SECOND),
    outcomes: { 'put.begun': deleted, 'put.stored': second },
  },
  {
    name: 'a removal',
    before: (slot) => slot.put(FIRST),
    act: (slot) => slot.remove(),
    outcomes: { 'remove.begun': deleted, 'remove.announced': deleted, 'remove.stored': deleted, 'remove.committed': deleted },
  },
  {
    name: 'a recovery',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.post('recover'),
    outcomes: { 'recover.begun': first, 'recover.stored': first, 'recover.committed': first },
  },
  {
    name: 'a revocation',
    before: async (slot) => {
      await slot.put(SECOND);
      await slot.put(FIRST);
    },
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked, 'revoke.announced': revoked, 'leftovers.destroyed': revoked },
  },
  {
    name: 'a revocation that does not wait for a put that has stored its value',
    before: (slot) => slot.put(FIRST),
    held: 'put.stored',
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked },
  },
  {
    name: 'a revocation that does not wait for a put that has stored nothing',
    before: (slot) => slot.put(FIRST),
    held: 'put.begun',
    act: (slot) => slot.post('revoke'),
    outcomes: { 'revoke.committed': revoked },
  },
  {
    name: 'a purge',
    before: async (slot) => {
      await slot.put(FIRST);
      await slot.remove();
    },
    act: (slot) => slot.post('purge'),
    outcomes: { 'purge.committed': none, 'purge.announced': none, 'leftovers.destroyed': none },
  },
];

const deaths = scenarios.flatMap((scenario) =>
  Object.entries(scenario.outcomes).map(([step, standing]) => ({ title: `${scenario.name}, killed at ${step}: ${standing.state}${standing.key === null ? '' : `, ${standing.key}`}`, scenario, step, standing })),
);

async function arm(...lines: readonly string[]): Promise<void> {
  await writeFile(join(world.dataDir, 'stop-at'), lines.join('\n'));
}

function start(): Promise<Product> {
  return world.start({ entry, env: { VAULT_ADDR: proxy.url, TEST_STOP_FILE: join(world.dataDir, 'stop-at') } });
}

async function newSlot(): Promise<Slot> {
  tenants += 1;
  return new Slot(await world.tenant(`tenant-${tenants}`));
}

async function standingOf(slot: Slot): Promise<Standing> {
  const [state, asked] = [await slot.state(), await world.ask(slot.tenant.gatewayKey)];
  if (asked.status !== 200 && asked.status !== 424) throw new Error(`The gateway answered ${asked.status}.`);
  return { state: state as Standing['state'], key: asked.key };
}

function problemsInVault({ tenant }: Slot): Promise<readonly string[]> {
  return problemsOf(world, tenant);
}

/** What any reader of Vault gets: the newest version. */
async function newestKey({ tenant }: Slot): Promise<unknown> {
  const newest = (await versionsInVault(world.vault, pathOf(tenant))).at(-1);
  return newest?.fields?.['api_key'] ?? null;
}

describeWithVault('kill -9 at each step of a write to Vault, and the start that finishes it', () => {
  const settled: { readonly slot: Slot; readonly standing: Standing; readonly title: string }[] = [];

  beforeAll(async () => {
    world = await startVaultWorld({ storage: 'file' });
    proxy = await startFaultProxy(world.vault.address);
    await arm();
    await start();
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  it.each(deaths)('$title', async ({ title, scenario, step, standing }) => {
    const slot = await newSlot();
    await scenario.before(slot);
    const hold = scenario.held === undefined ? [] : [`hold ${scenario.held}`];
    if (scenario.held !== undefined) {
      await arm(...hold);
      void slot.put(SECOND).catch(() => undefined);
      await until('the put stands still', async () => (await versionsInVault(world.vault, pathOf(slot.tenant))).length === (scenario.held === 'put.stored' ? 2 : 1) && hasIntent(slot));
    }
    await arm(`stop ${step}`, ...hold);
    await expect(scenario.act(slot)).rejects.toThrow();
    expect(await world.product().exited).toEqual({ code: null, signal: 'SIGKILL' });
    await arm();
    await start();
    expect(await standingOf(slot)).toEqual(standing);
    expect(await problemsInVault(slot)).toEqual([]);
    expect(await newestKey(slot)).toBe(standing.key);
    settled.push({ slot, standing, title });
  });

  it.each([
    ['over nothing', none, async () => {}],
    ['over a live key', first, (slot: Slot) => slot.put(FIRST)],
  ] as const)('a put %s that was on its way when the process died, and comes to Vault after the next start, changes nothing', async (_over, standing, before) => {
    const slot = await newSlot();
    await before(slot);
    proxy.break({ kind: 'hold' }, ({ method, path }) => method === 'POST' && path.includes(`/data/${pathOf(slot.tenant)}`));
    const put = slot.put(SECOND).then(
      () => 'acknowledged',
      () => 'not acknowledged',
    );
    await until('the put is on its way', () => proxy.held() === 1);
    await world.product().kill();
    expect(await put).toBe('not acknowledged');
    proxy.heal();
    await start();
    expect(await standingOf(slot)).toEqual(standing);
    await proxy.release();
    expect(await problemsInVault(slot)).toEqual([]);
    expect(await newestKey(slot)).toBe(standing.key);
    expect(await standingOf(slot)).toEqual(standing);
    await world.product().stop();
    await start();
    expect(await standingOf(slot)).toEqual(standing);
    await new Slot({ ...slot.tenant, admin: apiOf(world.product().url, slot.tenant.admin.token) }).put(SECOND);
    expect(await standingOf(slot)).toEqual(second);
    settled.push({ slot, standing: second, title: 'a late put' });
  });

  it('a put that Vault carried out although its answer was lost is acknowledged, or found by the next start', async () => {
    const slot = await newSlot();
    proxy.break({ kind: 'drop-answer' }, ({ method, path }) => method === 'POST' && path.includes('/data/tenants/'), 1);
    expect((await slot.put(FIRST)).status).toBe(201);
    expect([await standingOf(slot), await problemsInVault(slot)]).toEqual([first, []]);
    settled.push({ slot, standing: first, title: 'a lost answer' });
  });

  it('Vault itself killed in the middle: nothing that was acknowledged is lost', async () => {
    const slot = await newSlot();
    await slot.put(FIRST);
    await world.vault.kill();
    const refused = await slot.tenant.admin.call('PUT', `/api/v1/tenants/${slot.tenant.id}/credentials/openai`, { fields: { api_key: SECOND } });
    expect(refused.status).toBe(503);
    await world.vault.start();
    await until('Vault is back', async () => (await world.ask(slot.tenant.gatewayKey)).status === 200);
    expect([await standingOf(slot), await problemsInVault(slot)]).toEqual([first, []]);
    settled.push({ slot, standing: first, title: 'Vault killed' });
  });

  it('all of them are as they were after one more start', async () => {
    await world.product().stop();
    await start();
    for (const { slot, standing, title } of settled) {
      expect(await standingOf(slot), title).toEqual(standing);
      expect(await problemsInVault(slot), title).toEqual([]);
      expect(await newestKey(slot), title).toBe(standing.key);
    }
  });
});

function hasIntent({ tenant }: Slot): boolean {
  return readStoredState(world.dataDir).credentials.some(({ scope, intent }) => scope.kind === 'tenant' && scope.tenant === tenant.id && intent !== null);
}
