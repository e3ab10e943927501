import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { breakableDatabase } from '../../../test/support/breakable-database.ts';
import { codeOf, noMetrics, repeatableRandom, TestClock } from '../../../test/support/credential-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { gatewayKeyRecord } from '../../../test/support/gateway-key-record.ts';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { TenantRecord } from '../../ports/metadata/tenants.ts';
import { Sources } from '../outages/sources.ts';
import { CachedTenantStates } from '../tenants/cached-tenant-states.ts';
import { CustomRoles } from './custom-roles.ts';
import { Principals } from './principals.ts';
import { mintToken } from './token-text.ts';

const SECONDS = 1_000;
const MINUTES = 60_000;

async function underTest() {
  const clock = new TestClock();
  const random = repeatableRandom();
  const bus = createInProcessBus();
  const { metadata, state } = breakableDatabase(createMemoryStore());
  const sources = new Sources({ staleLimitMs: 15 * MINUTES, ping: () => metadata.ping(), clock, random, log: new RecordingLog(), metrics: noMetrics });
  const principals = new Principals({ tokens: metadata.tokens, gatewayKeys: metadata.gatewayKeys, customRoles: new CustomRoles({ roles: metadata.roles, bus, clock, metrics: noMetrics, sources }), bus, clock, metrics: noMetrics, sources, bootstrap: null });
  const tenants = new CachedTenantStates({ tenants: metadata.tenants, bus, clock, metrics: noMetrics, sources });
  const minted = mintToken('g', random);
  const record = gatewayKeyRecord({ id: minted.id, digests: [{ digest: minted.digest, validUntil: null }] });
  await metadata.gatewayKeys.create({ id: minted.id }, record);
  const text = minted.text.reveal();
  return {
    clock,
    bus,
    principals,
    tenants,
    minted,
    text,
    /** Another key with the same id: what a rotation on another replica has made, or somebody's guess. */
    other: mintToken('g', random, minted.id).text.reveal(),
    unknown: mintToken('g', random).text.reveal(),
    authenticate: async (presented: string) => (await principals.authenticate(presented, ['g']))?.actor.id,
    makeTenant: (id: string, tenantState: TenantRecord['state']) => metadata.tenants.create({ tenant: id }, { id, name: id, state: tenantState, createdAt: 0, createdBy: 'test', deletedAt: null, adminTokens: [], idempotency: null }),
    loseDatabase: (): void => {
      clock.advance(11 * SECONDS);
      state.fault = new KeyholdError('unavailable', 'The database cannot answer now.');
    },
    findDatabase: (): void => {
      state.fault = undefined;
      clock.advance(6 * SECONDS);
    },
  };
}

describe('while the database is away', () => {
  it('a gateway key that is known serves inside the limit, and its age is told', async () => {
    const { authenticate, text, minted, principals, loseDatabase, clock } = await underTest();
    expect(await authenticate(text)).toBe(minted.id);
    loseDatabase();
    expect(await authenticate(text)).toBe(minted.id);
    const { actor } = (await principals.authenticate(text, ['g'])) ?? {};
    expect(actor === undefined ? undefined : principals.staleMs(actor)).toBe(11 * SECONDS);
    clock.advance(15 * MINUTES);
    expect(await codeOf(authenticate(text))).toBe('unavailable');
  });

  it('a key that is not known is unavailable, never unauthenticated; nor is one that a rotation may have made', async () => {
    const { authenticate, text, other, unknown, loseDatabase, findDatabase } = await underTest();
    await authenticate(text);
    expect([await authenticate(other), await authenticate(unknown)]).toEqual([undefined, undefined]);
    loseDatabase();
    expect([await codeOf(authenticate(unknown)), await codeOf(authenticate(other)), await codeOf(authenticate(other))]).toEqual(['unavailable', 'unavailable', 'unavailable']);
    findDatabase();
    // Served at once still; what is read meanwhile decides from then on.
    await authenticate(text);
    await setImmediate();
    expect([await authenticate(other), await authenticate(unknown)]).toEqual([undefined, undefined]);
  });

  it('S10 a key of which a change is announced does not serve, since the change cannot be read', async () => {
    const { authenticate, text, minted, bus, loseDatabase } = await underTest();
    await authenticate(text);
    loseDatabase();
    await authenticate(text);
    await bus.publish({ topic: 'gateway-key', id: minted.id, version: 2 });
    expect(await codeOf(authenticate(text))).toBe('unavailable');
  });

  it('a tenant that was alive is so; one that was suspended or unknown is neither, until it can be read', async () => {
    const { tenants, makeTenant, loseDatabase } = await underTest();
    await makeTenant('alive', 'active');
    await makeTenant('suspended', 'suspended');
    expect([await tenants.stateOf('alive'), await tenants.stateOf('suspended'), await tenants.stateOf('nobody')]).toEqual(['active', 'suspended', undefined]);
    loseDatabase();
    expect([await tenants.stateOf('alive'), tenants.staleMs('alive')]).toEqual(['active', 11 * SECONDS]);
    expect([await codeOf(Promise.resolve(tenants.stateOf('suspended'))), await codeOf(Promise.resolve(tenants.stateOf('nobody')))]).toEqual(['unavailable', 'unavailable']);
  });
});
