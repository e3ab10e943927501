import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type EchoingUpstream, startEchoingUpstream } from '../support/isolation/echoing-upstream.ts';
import { IsolationWorld } from '../support/isolation/isolation-world.ts';
import { PLATFORM_TOKEN, startTwoWorkers, type TwoWorkers } from '../support/isolation/two-workers.ts';
import { drawsOf } from '../support/isolation/draws.ts';

vi.mock('../../src/adapters/clock/system-clock.ts', async () => {
  const { movedClock } = await import('../support/isolation/moved-clock.ts');
  return { systemClock: movedClock };
});

const RUNS = Number(process.env['KEYHOLD_TEST_ISOLATION_RUNS'] ?? 2);
const SEED = Number(process.env['KEYHOLD_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const OPERATIONS = 40;
const TENANTS = 3;

let upstream: EchoingUpstream;
let workers: TwoWorkers;
let world: IsolationWorld;

beforeAll(async () => {
  upstream = await startEchoingUpstream();
  const base = (service: string): string => `${upstream.url}/${service}`;
  workers = await startTwoWorkers({
    KEYHOLD_SERVICE_BASE_URL_OPENAI: base('openai/v1'),
    KEYHOLD_SERVICE_BASE_URL_GROQ: base('groq/v1'),
    KEYHOLD_SERVICE_BASE_URL_ANTHROPIC: base('anthropic'),
    KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true',
    KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1',
    KEYHOLD_OIDC_ISSUER: 'https://login.example.com',
    KEYHOLD_OIDC_AUDIENCE: 'https://keyhold.example.com',
    KEYHOLD_OIDC_TENANTS: 'any',
    KEYHOLD_OIDC_HIGHEST_ROLE: 'tenant-admin',
  });
  world = new IsolationWorld(workers, upstream, PLATFORM_TOKEN);
  await world.open();
});

afterAll(async () => {
  world.close();
  await workers.close();
  await upstream.close();
});

it(`R10.2 S1 S10 S27 S32: no tenant reads, uses or learns of another's anything, whatever tenants do at a time (seed ${SEED})`, { timeout: 7_200_000 }, async () => {
  const schedule = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: TENANTS, maxLength: TENANTS });
  await fc.assert(
    fc.asyncProperty(schedule, async (seeds) => {
      const parties = await world.tenants(seeds.length);
      await Promise.all(parties.map(async (party, index) => world.live(party, OPERATIONS, drawsOf(seeds[index] ?? 0))));
      await world.atTheEnd(parties, drawsOf(seeds[0] ?? 0));
    }),
    // A run goes on from what the runs before have left, so a smaller one shows nothing.
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  expect(world.judge.answers).toBeGreaterThan(RUNS * TENANTS * OPERATIONS);
});
