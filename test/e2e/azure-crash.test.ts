import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf } from '../support/api.ts';
import { azureName, type AzureWorld, problemsOf, startAzureWorld } from '../support/azure-world.ts';
import { arm, deaths, FIRST, first, hasIntent, none, SECOND, second, Slot, type Standing, standingOf, stopFile, stoppingEntry } from '../support/crash/store-deaths.ts';
import { until } from '../support/outcome.ts';
import type { Product } from '../support/product.ts';

let world: AzureWorld;
let tenants = 0;

function start(env: Readonly<Record<string, string>> = {}): Promise<Product> {
  return world.start({ entry: stoppingEntry, env: { TEST_STOP_FILE: stopFile(world), ...env } });
}

async function newSlot(): Promise<Slot> {
  tenants += 1;
  return new Slot(await world.tenant(`tenant-${tenants}`), () => world.product());
}

/** The slot with an administrator who speaks to the process that runs now. */
function again({ tenant }: Slot): Slot {
  return new Slot({ ...tenant, admin: apiOf(world.product().url, tenant.admin.token) }, () => world.product());
}

/** What any reader of the vault gets. */
function newestKey({ tenant }: Slot): Promise<string | null> {
  return world.newest(azureName(tenant));
}

describe('kill -9 at each step of a write to Azure Key Vault, and the start that finishes it', () => {
  const settled: { readonly slot: Slot; readonly standing: Standing; readonly title: string }[] = [];

  beforeAll(async () => {
    world = await startAzureWorld();
    await arm(world);
    await start();
  });
  afterAll(() => world.close());

  // At the others nothing happens in the vault.
  it.each(deaths.filter(({ step }) => !step.endsWith('.announced')))('$title', async ({ title, scenario, step, standing }) => {
    const slot = await newSlot();
    await scenario.before(slot);
    const hold = scenario.held === undefined ? [] : [`hold ${scenario.held}`];
    if (scenario.held !== undefined) {
      await arm(world, ...hold);
      void slot.put(SECOND).catch(() => undefined);
      await until('the put stands still', async () => (await world.versions(azureName(slot.tenant))).length === (scenario.held === 'put.stored' ? 2 : 1) && hasIntent(world, slot));
    }
    await arm(world, `stop ${step}`, ...hold);
    await expect(scenario.act(slot)).rejects.toThrow();
    expect(await world.product().exited).toEqual({ code: null, signal: 'SIGKILL' });
    await arm(world);
    await start();
    expect(await standingOf(world, slot)).toEqual(standing);
    expect(await problemsOf(world, slot.tenant)).toEqual([]);
    expect(await newestKey(slot)).toBe(standing.key);
    settled.push({ slot, standing, title });
  });

  it.each([
    ['over nothing', none, async () => {}],
    ['over a live key', first, (slot: Slot) => slot.put(FIRST)],
  ] as const)('a put %s that was on its way when the process died, and comes to the vault after the next start, is taken back', async (_over, standing, before) => {
    const slot = await newSlot();
    await before(slot);
    world.azure.faults.break({ kind: 'hold-and-break' }, { operation: 'secrets.set', name: azureName(slot.tenant) }, 2);
    const put = slot.put(SECOND).then(
      () => 'acknowledged',
      () => 'not acknowledged',
    );
    await until('the put is on its way', () => world.azure.faults.held() >= 1);
    await world.product().kill();
    expect(await put).toBe('not acknowledged');
    world.azure.faults.heal();
    await start({ TEST_LATE_PUT_MS: '1500', TEST_RECONCILE_MS: '300' });
    expect(await standingOf(world, slot)).toEqual(standing);
    await world.azure.faults.release();
    expect(await newestKey(slot)).toBe(SECOND);
    // Keyhold itself is not led astray for a moment.
    expect(await standingOf(world, slot)).toEqual(standing);
    await until('the late put is taken back', async () => (await newestKey(slot)) === standing.key);
    await until('nothing is left of it', async () => (await problemsOf(world, slot.tenant)).length === 0);
    expect(await standingOf(world, slot)).toEqual(standing);
    await again(slot).put(SECOND);
    expect([await standingOf(world, slot), await newestKey(slot)]).toEqual([second, SECOND]);
    settled.push({ slot, standing: second, title: 'a late put' });
  });

  it('what a late put left, the next put switches off at once', async () => {
    const slot = await newSlot();
    await slot.put(FIRST);
    world.azure.faults.break({ kind: 'hold-and-break' }, { operation: 'secrets.set', name: azureName(slot.tenant) }, 2);
    const put = slot.put(SECOND).catch(() => undefined);
    await until('the put is on its way', () => world.azure.faults.held() >= 1);
    await world.product().kill();
    await put;
    world.azure.faults.heal();
    await start();
    expect(await standingOf(world, slot)).toEqual(first);
    await world.azure.faults.release();
    await again(slot).put(FIRST);
    expect([await standingOf(world, slot), await newestKey(slot)]).toEqual([first, FIRST]);
    const values = (await world.versions(azureName(slot.tenant))).map(({ value }) => value);
    expect(values.filter((value) => value === SECOND)).toEqual([]);
    settled.push({ slot, standing: first, title: 'a late put, replaced' });
  });

  it('S17 a put on a deleted key that dies between the recovery and the switching off: the old value leaves use again', async () => {
    const slot = await newSlot();
    const name = azureName(slot.tenant);
    await slot.put(FIRST);
    await slot.tenant.admin.must('DELETE', `/api/v1/tenants/${slot.tenant.id}/credentials/openai`);
    world.azure.faults.break({ kind: 'hold' }, { operation: 'secrets.update', name });
    const put = slot.put(SECOND).catch(() => undefined);
    await until('the name is back', async () => (await newestKey(slot)) === FIRST);
    await world.product().kill();
    await put;
    world.azure.faults.heal();
    await start({ TEST_LATE_PUT_MS: '1500', TEST_RECONCILE_MS: '300' });
    await until('it is deleted again', async () => (await newestKey(slot)) === null);
    await until('nothing is left of it', async () => (await problemsOf(world, slot.tenant)).length === 0);
    await again(slot).put(SECOND);
    expect([await standingOf(world, slot), await newestKey(slot)]).toEqual([second, SECOND]);
    expect((await world.versions(name)).map(({ value }) => value)).toEqual([null, SECOND]);
    settled.push({ slot, standing: second, title: 'a recovery that nobody ended' });
  });

  it('a put that the vault carried out although its answer was lost is acknowledged', async () => {
    const slot = await newSlot();
    world.azure.faults.break({ kind: 'drop-answer' }, { operation: 'secrets.set' }, 1);
    expect((await slot.put(FIRST)).status).toBe(201);
    expect([await standingOf(world, slot), await problemsOf(world, slot.tenant), await newestKey(slot)]).toEqual([first, [], FIRST]);
    settled.push({ slot, standing: first, title: 'a lost answer' });
  });

  it('all of them are as they were after one more start', async () => {
    await world.product().stop();
    await start();
    for (const { slot, standing, title } of settled) {
      expect(await standingOf(world, slot), title).toEqual(standing);
      expect(await problemsOf(world, slot.tenant), title).toEqual([]);
      expect(await newestKey(slot), title).toBe(standing.key);
    }
  });
});
