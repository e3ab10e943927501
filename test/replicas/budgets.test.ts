import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { committedOf, outstandingOf } from '../../src/core/budgets/account.ts';
import { readAll } from '../contract/metadata-store-rule.ts';
import { createWorld, key, ModelReplica, type World } from './budgets-model.ts';

const SEED = Number(process.env['KEYHOLD_TEST_SEED'] ?? Date.now() % 1_000_000);
const RUNS = Math.ceil(Number(process.env['KEYHOLD_TEST_RUNS'] ?? 60) / 30);
const REPLICAS = 8;
const PERIODS = ['2026-11-28', '2026-11-29'];

describe(`budgets on ${REPLICAS} replicas (KEYHOLD_TEST_SEED=${SEED})`, () => {
  it('R5.4, LiteLLM#26672, LiteLLM#27735, LiteLLM#34732: never more than the budget is spent, whatever crashes, jumps, gets lost or comes late; in the end the records have what the journals have', async () => {
    for (let run = 0; run < RUNS; run += 1) await randomRun(SEED + run);
  }, 120_000);

  it.each([100, 1_000])('R5.4: of a budget of %i worst cases at least 98 of 100 parts can be used', async (worstCases) => {
    const worst = 40;
    const amount = worst * worstCases;
    const world = createWorld(SEED, amount);
    const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => ModelReplica.start(world)));
    let refusals = 0;
    // Every replica has had some, and holds what it thinks it will need, before the end comes near.
    for (let step = 0; refusals < 200 && step < 100_000; step += 1) {
      const replica = replicas[Math.floor(world.random() * REPLICAS)];
      if (replica === undefined) continue;
      if (!(await replica.request(worst, 'total'))) refusals += 1;
      if (replica.open.size > 2 || refusals > 100) await replica.end();
      if (step % 50 === 0) await tick(world, replicas);
    }
    for (const replica of replicas) while (replica.open.size > 0) await replica.end();
    for (let seconds = 0; seconds < 3; seconds += 1) await tick(world, replicas);
    // One replica asks for what is left, as often as a client that was refused comes again.
    const [last] = replicas;
    for (let fits = true; fits; ) {
      fits = (await last?.request(worst, 'total')) ?? false;
      while ((last?.open.size ?? 0) > 0) await last?.end(1);
      world.clock.steady += 300;
    }
    expect(world.truth.spentIn('total')).toBeGreaterThanOrEqual(amount * 0.98);
    expect(world.truth.spentIn('total')).toBeLessThanOrEqual(amount);
  }, 60_000);
});

async function tick(world: World, replicas: readonly ModelReplica[]): Promise<void> {
  world.clock.steady += 1_000;
  world.clock.wall += 1_000;
  for (const replica of replicas) {
    await replica.tend();
    await replica.deliver();
  }
}

async function randomRun(seed: number): Promise<void> {
  const world = createWorld(seed, 2_000 + (seed % 7) * 500);
  world.faults = 0.15;
  const { random, clock, truth } = world;
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => ModelReplica.start(world)));
  const running: Promise<unknown>[] = [];
  let refusals = 0;
  let failure: unknown;
  const inBackground = (work: Promise<unknown>): void => {
    running.push(work.catch((error: unknown) => (failure ??= error)));
  };
  for (let step = 0; step < 2_500; step += 1) {
    const at = Math.floor(random() * REPLICAS);
    const replica = replicas[at];
    if (replica === undefined) continue;
    const chance = random();
    // Wall clocks jump, here and there, and over the end of a period and back.
    const period = PERIODS[random() < 0.5 ? 0 : 1] ?? '';
    if (chance < 0.5) inBackground(replica.request(60, period).then((fits) => (refusals += fits ? 0 : 1)));
    else if (chance < 0.85) inBackground(replica.end());
    else if (chance < 0.9) inBackground(replica.tend());
    else if (chance < 0.95) inBackground(replica.deliver());
    else if (chance < 0.97) clock.steady += random() * 3_000;
    else if (chance < 0.98) clock.wall += (random() - 0.5) * 1e10;
    else if (chance < 0.985) replicas[at] = await ModelReplica.start(world, replica.kill());
    if (random() < 0.3) await turn();
    truth.check();
    if (failure !== undefined) throw failure;
  }
  expect(refusals).toBeGreaterThan(0);
  await settled(world, replicas);
  if (failure !== undefined) throw failure;
}

/** All requests end, some processes are killed once more and come back; then every record has exactly what the delivered events have. */
async function settled(world: World, replicas: ModelReplica[]): Promise<void> {
  world.faults = 0;
  for (let turns = 0; turns < 100; turns += 1) await turn();
  for (const [index, replica] of replicas.entries()) {
    if (index % 2 === 0) replicas[index] = await ModelReplica.start(world, replica.kill());
    else while (replica.open.size > 0) await replica.end();
  }
  for (let seconds = 0; seconds < 4; seconds += 1) await tick(world, replicas);
  const delivered = await readAll((page) => world.store.usage.listBatches('acme', { from: -Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }, page), 1_000);
  for (const period of PERIODS) {
    const record = (await world.store.budgetAccounts.get(key(period)))?.record;
    if (record === undefined) continue;
    const events = delivered.flatMap((batch) => batch.events).flatMap(({ shares }) => shares ?? []);
    const sum = events.filter((share) => share.period === period).reduce((total, { amount }) => total + amount, 0);
    expect(record.spent).toBe(sum);
    // What had begun and never reached a provider when its process died counts, too.
    expect(record.spent).toBeGreaterThanOrEqual(world.truth.spentIn(period));
    expect(outstandingOf(record)).toBe(0);
    expect(record.unaccounted).toBe(0);
    expect(committedOf(record)).toBeLessThanOrEqual(world.truth.amount);
  }
}
