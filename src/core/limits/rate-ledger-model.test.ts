import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../test/support/crash/seeded-random.ts';
import { LeaseTable } from '../../adapters/limit-leases/lease-table.ts';
import type { LimitLeases } from '../../ports/limit-leases.ts';
import { LeaseWay } from './lease-way.ts';
import { LimitReached } from './limit-reached.ts';
import { type Admission, RateLedger } from './rate-ledger.ts';
import type { LimitRule } from './rules.ts';

const REPLICAS = 8;
const SECONDS = Number(process.env['KEYHOLD_TEST_RUNS'] ?? 12);
const SEED = process.env['KEYHOLD_TEST_SEED'] ?? String(Date.now());

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Replicas, each with a wall clock that jumps as it likes, and an account on a clock of its own, to which the way takes a while and is sometimes cut. */
class World {
  readonly random: SeededRandom;
  #time = 0;
  serverTime = 1_800_000_000_000;
  isCut = false;
  readonly table = new LeaseTable({ now: () => 0, monotonic: () => this.serverTime });
  readonly replicas: RateLedger[];

  constructor(seed: string) {
    this.random = seededRandom(seed, 'limits');
    this.replicas = Array.from({ length: REPLICAS }, () => this.replica());
  }

  replica(): RateLedger {
    const startedAt = this.#time;
    const clock = { now: () => this.serverTime + this.random.below(10_000_000) - 5_000_000, monotonic: () => this.#time - startedAt };
    return new RateLedger({ way: new LeaseWay({ leases: this.#way(), clock, processes: () => ({ all: REPLICAS, asking: REPLICAS }) }), holder: `r${this.random.below(1_000_000_000)}` });
  }

  async pass(ms: number): Promise<void> {
    this.#time += ms;
    this.serverTime += ms;
    await vi.advanceTimersByTimeAsync(ms);
  }

  #way(): LimitLeases {
    const afterAWhile = async <T>(answer: () => T): Promise<T> => {
      if (this.isCut) throw new Error('cut');
      await this.#while();
      const given = answer();
      await this.#while();
      if (this.isCut) throw new Error('cut');
      return given;
    };
    return { kind: 'redis', window: (ask) => afterAWhile(() => this.table.window(ask)), held: (ask) => afterAWhile(() => this.table.held(ask)) };
  }

  #while(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, this.random.below(4));
    });
  }
}

/** What was admitted, by the account's windows of a second. */
class Admitted {
  readonly #world: World;
  readonly byWindow = new Map<number, number>();
  refused = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async ask(replica: RateLedger, rule: LimitRule, amount = 1): Promise<Admission | undefined> {
    try {
      const admission = await replica.admit([rule], amount);
      const window = Math.floor(this.#world.serverTime / 1_000);
      this.byWindow.set(window, (this.byWindow.get(window) ?? 0) + amount);
      return admission;
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      this.refused += 1;
      return undefined;
    }
  }
}

function rule(kind: LimitRule['kind'], max: number): LimitRule {
  return { key: `t/acme/own#${kind}`, kind, max, per: kind === 'concurrent' ? null : 'second', owner: 'the tenant', service: null };
}

describe(`eight replicas against a model (R5.4), seed ${SEED}`, () => {
  it('never admit more than the limit in a window, whatever their clocks say and whoever of them dies; and at least 98 % of it can be used', async () => {
    const world = new World(SEED);
    const admitted = new Admitted(world);
    const max = 400;
    const limit = rule('requests', max);
    const open: Promise<unknown>[] = [];
    await world.pass(1_000 - (world.serverTime % 1_000));
    const first = Math.floor(world.serverTime / 1_000);
    for (let ms = 0; ms < SECONDS * 1_000; ms += 2) {
      if (world.random.below(1_000) === 0) world.replicas[world.random.below(REPLICAS)] = world.replica();
      // Twice what is allowed, in bursts at random replicas.
      for (let count = world.random.below(4); count > 0; count -= 1) open.push(admitted.ask(world.replicas[world.random.below(world.random.below(2) === 0 ? 2 : REPLICAS)]!, limit));
      await world.pass(2);
      for (const count of admitted.byWindow.values()) expect(count).toBeLessThanOrEqual(max);
    }
    await world.pass(600);
    await Promise.all(open);
    const whole = Array.from({ length: SECONDS - 1 }, (_, index) => admitted.byWindow.get(first + index) ?? 0);
    expect(Math.min(...whole)).toBeGreaterThanOrEqual(max * 0.98);
    expect(admitted.refused).toBeGreaterThan(0);
  });

  it('while nobody can be asked each has its share; in the second in which the way is cut or mended at most as much again is admitted', async () => {
    const world = new World(`${SEED}/cut`);
    const admitted = new Admitted(world);
    const max = 80;
    const limit = rule('requests', max);
    const open: Promise<unknown>[] = [];
    const mixed = new Set<number>();
    for (let ms = 0; ms < SECONDS * 1_000; ms += 5) {
      if (world.random.below(400) === 0) {
        world.isCut = !world.isCut;
        // Who waits for an answer then notices half a second later, and who tries again a second later.
        for (const later of [0, 1, 2]) mixed.add(Math.floor(world.serverTime / 1_000) + later);
      }
      open.push(admitted.ask(world.replicas[world.random.below(REPLICAS)]!, limit));
      await world.pass(5);
    }
    await world.pass(1_000);
    await Promise.all(open);
    for (const [window, count] of admitted.byWindow) expect(count).toBeLessThanOrEqual(mixed.has(window) ? 2 * max : max);
    for (const [window, count] of admitted.byWindow) if (!mixed.has(window) && admitted.byWindow.has(window + 1) && admitted.byWindow.has(window - 1)) expect(count).toBeGreaterThan(max / 2);
  });

  it('when the account\'s own clock is set, at most what all have in hand comes on top', async () => {
    const world = new World(`${SEED}/set`);
    const admitted = new Admitted(world);
    const max = 400;
    const open: Promise<unknown>[] = [];
    for (let ms = 0; ms < SECONDS * 500; ms += 2) {
      if (world.random.below(300) === 0) world.serverTime += world.random.below(4_000);
      for (let count = world.random.below(4); count > 0; count -= 1) open.push(admitted.ask(world.replicas[world.random.below(REPLICAS)]!, rule('requests', max)));
      await world.pass(2);
    }
    await world.pass(600);
    await Promise.all(open);
    for (const count of admitted.byWindow.values()) expect(count).toBeLessThanOrEqual(max + REPLICAS * (Math.floor(max / 128) + 4));
  });

  it('tokens are put right afterwards: the estimates never pass the limit, and what was used beyond them counts', async () => {
    const world = new World(`${SEED}/tokens`);
    const max = 10_000;
    const limit = rule('tokens', max);
    let inWindow = { number: 0, counted: 0, beyond: 0 };
    const open: Promise<void>[] = [];
    for (let ms = 0; ms < SECONDS * 500; ms += 5) {
      const estimate = 1 + world.random.below(300);
      const used = world.random.below(600);
      const replica = world.replicas[world.random.below(REPLICAS)]!;
      open.push(
        (async () => {
          const admission = await Promise.resolve().then(() => replica.admit([limit], estimate)).catch(() => undefined);
          if (admission === undefined) return;
          const number = Math.floor(world.serverTime / 1_000);
          if (inWindow.number !== number) inWindow = { number, counted: 0, beyond: 0 };
          inWindow.counted += Math.min(estimate, used);
          inWindow.beyond += Math.max(0, used - estimate);
          expect(inWindow.counted).toBeLessThanOrEqual(max);
          admission.end(used);
        })(),
      );
      await world.pass(5);
    }
    await world.pass(600);
    await Promise.all(open);
  });

  it('open requests never pass their limit over all replicas, and places come back', async () => {
    const world = new World(`${SEED}/open`);
    const max = 10;
    const limit = rule('concurrent', max);
    let count = 0;
    let most = 0;
    const open: Promise<void>[] = [];
    for (let ms = 0; ms < SECONDS * 500; ms += 5) {
      const lasts = world.random.below(200);
      const replica = world.replicas[world.random.below(REPLICAS)]!;
      open.push(
        (async () => {
          const admission = await Promise.resolve().then(() => replica.admit([limit], 0)).catch(() => undefined);
          if (admission === undefined) return;
          count += 1;
          most = Math.max(most, count);
          await new Promise((resolve) => {
            setTimeout(resolve, lasts);
          });
          count -= 1;
          admission.end(undefined);
        })(),
      );
      await world.pass(5);
    }
    await world.pass(2_000);
    await Promise.all(open);
    expect(most).toBe(max);
    const replica = world.replicas[0]!;
    const again = Promise.all(Array.from({ length: max }, async () => replica.admit([limit], 0)));
    await world.pass(200);
    expect(await again).toHaveLength(max);
  });
});
