import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { FaultyDisk } from '../../src/adapters/usage-journal/faulty-disk.ts';
import { openFileJournal } from '../../src/adapters/usage-journal/file-journal.ts';
import { sampleEnd, sampleStart } from '../../src/adapters/usage-journal/journal-samples.ts';
import { committedOf } from '../../src/core/budgets/account.ts';
import { BudgetShort, Escrow, type Taken } from '../../src/core/budgets/escrow.ts';
import { BudgetSettlement } from '../../src/core/budgets/settlement.ts';
import { UsageDelivery } from '../../src/core/usage/delivery.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { KeyholdError } from '../../src/ports/errors.ts';
import type { BudgetAccountRepository } from '../../src/ports/metadata/budgets.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import type { Metrics } from '../../src/ports/metrics.ts';
import type { UsageStart } from '../../src/ports/usage.ts';
import type { UsageJournal } from '../../src/ports/usage-journal.ts';
import { RecordingLog } from '../support/recording-log.ts';

const metrics = { journalPending: () => {}, budgetAlert: () => {} } as Partial<Metrics> as Metrics;

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What really happened, told by nobody but the providers: what has been spent and what requests under way can still cost. */
class Truth {
  readonly amount: number;
  readonly #spent = new Map<string, number>();
  readonly #open = new Map<string, { readonly period: string; readonly reserved: number }>();

  constructor(amount: number) {
    this.amount = amount;
  }

  begun(id: string, period: string, reserved: number): void {
    this.#open.set(id, { period, reserved });
    this.check();
  }

  ended(id: string, actual: number): void {
    const open = this.#open.get(id);
    if (open === undefined) throw new Error(`${id} is not open`);
    this.#open.delete(id);
    this.#spent.set(open.period, (this.#spent.get(open.period) ?? 0) + actual);
    this.check();
  }

  /** Their process is gone: the provider may have billed all of it. */
  lost(ids: Iterable<string>): void {
    for (const id of ids) this.ended(id, this.#open.get(id)?.reserved ?? 0);
  }

  spentIn(period: string): number {
    return this.#spent.get(period) ?? 0;
  }

  get periods(): readonly string[] {
    return [...this.#spent.keys()];
  }

  check(): void {
    const sums = new Map(this.#spent);
    for (const { period, reserved } of this.#open.values()) sums.set(period, (sums.get(period) ?? 0) + reserved);
    for (const [period, sum] of sums) if (sum > this.amount) throw new Error(`${sum} of ${this.amount} may be spent in ${period}`);
  }
}

export interface World {
  readonly store: MetadataStore;
  readonly truth: Truth;
  readonly random: () => number;
  readonly clock: Clock & { wall: number; steady: number };
  /** The part of calls to the accounts that fail, and how. */
  faults: number;
  readonly log: RecordingLog;
}

export function createWorld(seed: number, amount: number): World {
  const clock = { wall: Date.UTC(2026, 10, 28), steady: 0, now: () => clock.wall, monotonic: () => clock.steady };
  return { store: createMemoryStore(), truth: new Truth(amount), random: randomFrom(seed), clock, faults: 0, log: new RecordingLog() };
}

export const key = (period: string) => ({ tenant: 'acme', budget: 'own.tokens.day.hard', period });

/** One process of the model, which may die at any moment: what it was waiting for never comes, and what it had sent may still arrive. */
export class ModelReplica {
  readonly world: World;
  readonly disk: FaultyDisk;
  readonly journal: UsageJournal;
  readonly escrow: Escrow;
  readonly delivery: UsageDelivery;
  readonly open = new Map<string, { readonly start: UsageStart; readonly taken: Taken; readonly reserved: number }>();
  #isDead = false;
  static #ids = 0;

  private constructor(world: World, disk: FaultyDisk, journal: UsageJournal) {
    this.world = world;
    this.disk = disk;
    this.journal = journal;
    const accounts = this.#faulty(world.store.budgetAccounts);
    this.escrow = new Escrow({ accounts, journal, clock: world.clock });
    const budgets = new BudgetSettlement({ accounts, clock: world.clock, log: world.log, metrics });
    this.delivery = new UsageDelivery({ journal, repository: world.store.usage, budgets, log: world.log, metrics, clock: world.clock });
  }

  static async start(world: World, disk = new FaultyDisk()): Promise<ModelReplica> {
    disk.revive();
    return new ModelReplica(world, disk, await openFileJournal({ folder: '/journal', random: randomBytes, disk }));
  }

  /** A request of up to `most`; false when it does not fit. */
  async request(most: number, period: string): Promise<boolean> {
    const { truth, random, clock } = this.world;
    const reserved = 1 + Math.floor(random() * most);
    let taken: Taken;
    try {
      taken = await this.escrow.take(key(period), truth.amount, reserved);
    } catch (error) {
      if (error instanceof BudgetShort) return false;
      if (error instanceof KeyholdError && error.code === 'unavailable') return true;
      throw error;
    }
    await this.#alive(Promise.resolve());
    const start = sampleStart(`use_${String((ModelReplica.#ids += 1)).padStart(12, '0')}`, {
      startedAt: clock.now(),
      shares: [{ budget: key(period).budget, period, amount: reserved, of: truth.amount }],
    });
    await this.#alive(this.journal.begin(start));
    truth.begun(start.id, period, reserved);
    this.open.set(start.id, { start, taken, reserved });
    return true;
  }

  /** One of the open requests ends, with some of what was reserved for it, or all. */
  async end(part?: number): Promise<void> {
    const ids = [...this.open.keys()];
    const id = ids[Math.floor(this.world.random() * ids.length)];
    const request = id === undefined ? undefined : this.open.get(id);
    if (id === undefined || request === undefined) return;
    this.open.delete(id);
    const actual = Math.floor(request.reserved * (part ?? this.world.random()));
    const shares = request.start.shares?.map((share) => ({ ...share, amount: actual }));
    // The provider bills no more from here on, whether or not the process lives to write that down.
    this.world.truth.ended(id, actual);
    await this.#alive(this.journal.end(sampleEnd(request.start, { shares, time: this.world.clock.now() })));
    this.escrow.settle(request.taken, actual);
  }

  /** `kill -9`. Gives its disk. */
  kill(): FaultyDisk {
    this.#isDead = true;
    this.disk.killAfter = 0;
    this.world.truth.lost(this.open.keys());
    return this.disk;
  }

  async tend(): Promise<void> {
    await this.escrow.tend();
  }

  async deliver(): Promise<void> {
    await this.delivery.deliver().catch((error: unknown) => {
      if (!(error instanceof KeyholdError && error.code === 'unavailable')) throw error;
    });
  }

  /** What a dead process waits for never comes. */
  async #alive<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!this.#isDead) throw error;
    } finally {
      if (this.#isDead) await new Promise(() => {});
    }
    return new Promise(() => {});
  }

  /** Calls that fail before, or after they have taken effect, or take effect later than anybody waits. */
  #faulty(inner: BudgetAccountRepository): BudgetAccountRepository {
    const { world } = this;
    const away = (): KeyholdError => new KeyholdError('unavailable', 'away');
    const call = async <T>(run: () => Promise<T>, isWrite: boolean): Promise<T> => {
      if (this.#isDead) return new Promise<never>(() => {});
      const fault = world.random() < world.faults ? Math.floor(world.random() * 3) : -1;
      for (let turns = Math.floor(world.random() * 4); turns > 0; turns -= 1) await turn();
      if (fault === 0) throw away();
      if (fault === 1 && isWrite) {
        void (async () => {
          for (let turns = 2 + Math.floor(world.random() * 40); turns > 0; turns -= 1) await turn();
          await run().catch(() => undefined);
        })();
        throw away();
      }
      const result = await run();
      await this.#checkRecords();
      if (fault === 2) throw away();
      if (this.#isDead) return new Promise<never>(() => {});
      return result;
    };
    return {
      get: (...args) => call(() => inner.get(...args), false),
      create: (...args) => call(() => inner.create(...args), true),
      replace: (...args) => call(() => inner.replace(...args), true),
      remove: (...args) => call(() => inner.remove(...args), true),
      outstanding: (...args) => call(() => inner.outstanding(...args), false),
    };
  }

  async #checkRecords(): Promise<void> {
    const { store, truth } = this.world;
    for (const period of truth.periods) {
      const record = (await store.budgetAccounts.get(key(period)))?.record;
      if (record !== undefined && committedOf(record) > truth.amount) throw new Error(`${committedOf(record)} of ${truth.amount} is committed in ${period}`);
    }
  }
}
