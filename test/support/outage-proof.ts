import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { until } from './outcome.ts';
import type { TestTenant } from './api.ts';
import { failed, request, steadily, type SteadyAnswer } from './steady-requests.ts';
import { type StoreWorld, tenantWithKey } from './store-world.ts';

const KEY = 'sk-test-through-an-outage-01';
const PER_SECOND = 12;
const KNOWN = 6;
const UNKNOWN = 3;
/** Records are never older than this by themselves. */
const RECORDS_SECONDS = 10;
/** KEYHOLD_TEST_OUTAGE_MINUTES: outages take so long instead of seconds, with the times that the product has by itself. */
const minutes = Number(process.env['KEYHOLD_TEST_OUTAGE_MINUTES'] ?? 0);
/** How old things may get in these tests before they are not served any more. */
const staleLimitSeconds = minutes > 0 ? 900 : 30;
/** Until whoever lacks something is told so, by the product's own account: the machine that asks is busy, too. */
const FAST_MS = 1_000;
/** The same for the slowest: where the product itself ran late it has asked for a sign of life twice. */
const SLOWEST_MS = 3_000;
const entry = fileURLToPath(new URL('serve-stopping-at.ts', import.meta.url));

export const runsLong = minutes > 0;
export const outageTestMs = 180_000 + minutes * 60_000;

export interface Outage {
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
  /** How long at least, if it is not minutes. */
  readonly seconds?: number;
  /** Called in the middle of the outage. */
  readonly during?: () => Promise<void>;
}

/** What serves in a world through outages: tenants with keys that are used all the time, and new ones that are met in the outage. */
export class OutageProof {
  readonly #world: StoreWorld;
  readonly tenants: TestTenant[] = [];
  #known: readonly string[] = [];

  constructor(world: StoreWorld) {
    this.#world = world;
  }

  /** Starts the product, with values that are cached for a second. */
  async serve({ limitSeconds = staleLimitSeconds, env = {} }: { readonly limitSeconds?: number; readonly env?: Readonly<Record<string, string>> } = {}): Promise<void> {
    await this.#world.start({ entry, env: { ...env, KEYHOLD_LOG_LEVEL: 'debug', KEYHOLD_STALE_LIMIT: `${limitSeconds}s`, ...(runsLong ? {} : { TEST_VALUES_MS: '1000' }) } });
  }

  async newKeys(count: number): Promise<readonly string[]> {
    const before = this.tenants.length;
    for (let index = 0; index < count; index += 1) this.tenants.push(await tenantWithKey(this.#world, `outage-${before + index}`, KEY));
    return this.tenants.slice(before).map(({ gatewayKey }) => gatewayKey);
  }

  /**
   * An outage under a steady rate of requests: those that have what they need never fail, their age is visible and inside the limit; the others fail fast as
   * unavailable; and when it is over each is read again. Resolves with what was answered in the outage.
   */
  async prove({ begin, end, seconds = 3, during }: Outage): Promise<readonly SteadyAnswer[]> {
    const { url } = this.#world.product();
    const unknown = await this.#prepared();
    const inOutage: SteadyAnswer[] = [];
    const refused: string[] = [];
    const run = steadily(url, this.#known, PER_SECOND);
    const over = once(end);
    try {
      await sleep(200);
      const from = run.answers.length;
      await begin();
      const pauseMs = ((runsLong ? minutes * 60 : seconds) * 1000) / unknown.length;
      for (const key of unknown) {
        const { status, code, tookMs, requestId } = await request(url, key);
        expect([status, code]).toEqual([503, 'unavailable']);
        refused.push(requestId);
        await sleep(Math.max(0, pauseMs - tookMs));
      }
      await during?.();
      inOutage.push(...run.answers.slice(from));
      await over();
      const overAt = run.answers.at(-1)?.at ?? 0;
      await until('all is read again', () => this.#isReadSince(overAt, run.answers), 60_000);
    } finally {
      await run.stop();
      await over();
    }
    await this.#wereFast(refused);
    const all = run.answers;
    expect(failed(all)).toEqual([]);
    expect(Math.max(...inOutage.map(({ stale }) => stale))).toBeGreaterThan(0);
    expect(Math.max(...all.map(({ stale }) => stale))).toBeLessThanOrEqual(staleLimitSeconds);
    // What was unknown in the outage is known now.
    for (const key of unknown) await until('it is known', async () => (await request(url, key)).status === 200);
    return inOutage;
  }

  /** An outage of something that no request needs: none fails, and nothing gets old, although records are read every second without a bus and a busy machine may not manage to. */
  async proveUnnoticed({ begin, end, seconds = 3, during }: Outage): Promise<void> {
    const { url } = this.#world.product();
    const unknown = await this.#prepared();
    const run = steadily(url, this.#known, PER_SECOND);
    const over = once(end);
    try {
      await begin();
      for (const key of unknown) expect(await request(url, key)).toMatchObject({ status: 200, stale: 0 });
      await sleep((runsLong ? minutes * 60 : seconds) * 1000);
      await during?.();
      await over();
      await this.#untilWell();
    } finally {
      await run.stop();
      await over();
    }
    const all = run.answers;
    expect(failed(all)).toEqual([]);
    expect(Math.max(...all.map(({ stale }) => stale))).toBeLessThan(RECORDS_SECONDS);
  }

  /** How long the product had these requests. */
  async #wereFast(requestIds: readonly string[]): Promise<void> {
    const took = (): readonly number[] =>
      this.#world
        .product()
        .logLines()
        .filter(({ event, requestId }) => event === 'gateway_request' && requestIds.includes(String(requestId)))
        .map(({ durationMs }) => Number(durationMs))
        .toSorted((a, b) => a - b);
    await until('all are logged', async () => took().length === requestIds.length);
    const sorted = took();
    expect(sorted[Math.floor(sorted.length / 2)], `median of ${sorted.join(', ')} ms`).toBeLessThan(FAST_MS);
    expect(sorted.at(-1)).toBeLessThan(SLOWEST_MS);
  }

  /** All is well, and known keys are cached. Resolves with keys that are not. */
  async #prepared(): Promise<readonly string[]> {
    await this.#untilWell();
    if (this.#known.length === 0) this.#known = await this.newKeys(KNOWN);
    const unknown = await this.newKeys(UNKNOWN);
    for (const key of this.#known) expect(await request(this.#world.product().url, key)).toMatchObject({ status: 200 });
    return unknown;
  }

  /** Whether the last answers rest on nothing that was confirmed before. */
  async #isReadSince(overAt: number, answers: readonly SteadyAnswer[]): Promise<boolean> {
    await sleep(250);
    return answers.slice(-this.#known.length).every(({ at, stale }) => at - overAt >= stale * 1000);
  }

  async #untilWell(): Promise<void> {
    await until('all is well', async () => ((await (await fetch(`${this.#world.product().url}/readyz`)).json()) as { readonly degraded: unknown[] }).degraded.length === 0, 60_000);
  }
}

/** However often it is called: an outage that ended must not end again when something else went wrong. */
function once(end: Outage['end']): () => Promise<void> {
  let ending: Promise<void> | undefined;
  return () => (ending ??= Promise.resolve(end()));
}
