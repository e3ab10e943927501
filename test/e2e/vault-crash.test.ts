import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf } from '../support/api.ts';
import { arm, deaths, FIRST, first, hasIntent, none, SECOND, second, Slot, type Standing, standingOf, stopFile, stoppingEntry } from '../support/crash/store-deaths.ts';
import { until } from '../support/outcome.ts';
import type { Product } from '../support/product.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { pathOf, problemsOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

let world: VaultWorld;
let proxy: FaultProxy;
let tenants = 0;

function start(): Promise<Product> {
  return world.start({ entry: stoppingEntry, env: { VAULT_ADDR: proxy.url, TEST_STOP_FILE: stopFile(world) } });
}

async function newSlot(): Promise<Slot> {
  tenants += 1;
  return new Slot(await world.tenant(`tenant-${tenants}`), () => world.product());
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
    await arm(world);
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
      await arm(world, ...hold);
      void slot.put(SECOND).catch(() => undefined);
      await until('the put stands still', async () => (await versionsInVault(world.vault, pathOf(slot.tenant))).length === (scenario.held === 'put.stored' ? 2 : 1) && hasIntent(world, slot));
    }
    await arm(world, `stop ${step}`, ...hold);
    await expect(scenario.act(slot)).rejects.toThrow();
    expect(await world.product().exited).toEqual({ code: null, signal: 'SIGKILL' });
    await arm(world);
    await start();
    expect(await standingOf(world, slot)).toEqual(standing);
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
    expect(await standingOf(world, slot)).toEqual(standing);
    await proxy.release();
    expect(await problemsInVault(slot)).toEqual([]);
    expect(await newestKey(slot)).toBe(standing.key);
    expect(await standingOf(world, slot)).toEqual(standing);
    await world.product().stop();
    await start();
    expect(await standingOf(world, slot)).toEqual(standing);
    await new Slot({ ...slot.tenant, admin: apiOf(world.product().url, slot.tenant.admin.token) }, () => world.product()).put(SECOND);
    expect(await standingOf(world, slot)).toEqual(second);
    settled.push({ slot, standing: second, title: 'a late put' });
  });

  it('a put that Vault carried out although its answer was lost is acknowledged, or found by the next start', async () => {
    const slot = await newSlot();
    proxy.break({ kind: 'drop-answer' }, ({ method, path }) => method === 'POST' && path.includes('/data/tenants/'), 1);
    expect((await slot.put(FIRST)).status).toBe(201);
    expect([await standingOf(world, slot), await problemsInVault(slot)]).toEqual([first, []]);
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
    expect([await standingOf(world, slot), await problemsInVault(slot)]).toEqual([first, []]);
    settled.push({ slot, standing: first, title: 'Vault killed' });
  });

  it('all of them are as they were after one more start', async () => {
    await world.product().stop();
    await start();
    for (const { slot, standing, title } of settled) {
      expect(await standingOf(world, slot), title).toEqual(standing);
      expect(await problemsInVault(slot), title).toEqual([]);
      expect(await newestKey(slot), title).toBe(standing.key);
    }
  });
});
