import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAccessWorld, tenantActor } from '../../../test/support/access-world.ts';
import { tenantScope } from '../../ports/scope.ts';

const admin = tenantActor('tenant-admin');
const scope = tenantScope('acme');

/** A world in which every read of a gateway key and every announcement wait for the scheduler, once that is switched on. */
async function gated(scheduler: fc.Scheduler) {
  const made = createAccessWorld();
  await made.addTenant('acme');
  const { gatewayKey: { id }, text } = await made.perform(admin, 'gateway-key.create', { scope }, (grant) => made.gatewayKeyService.create(grant, { name: 'application' }));
  const gate = { on: false };
  const pass = async (name: string): Promise<void> => {
    if (gate.on) await scheduler.schedule(Promise.resolve(), name);
  };
  const get = made.gatewayKeys.get.bind(made.gatewayKeys);
  made.gatewayKeys.get = async (key) => {
    await pass('asked');
    const stored = await get(key);
    await pass('answered');
    return stored;
  };
  const publish = made.bus.publish.bind(made.bus);
  made.bus.publish = async (message) => {
    await pass('written');
    await publish(message);
  };
  const isKnown = async (): Promise<boolean> => (await made.principals.authenticate(text?.reveal() ?? '', ['g'])) !== undefined;
  const resource = { scope, id };
  const end = {
    revoke: () => made.perform(admin, 'gateway-key.revoke', resource, (grant) => made.gatewayKeyService.revoke(grant)),
    disable: () => made.perform(admin, 'gateway-key.update', resource, (grant) => made.gatewayKeyService.update(grant, { disabled: true })),
    rotate: () => made.perform(admin, 'gateway-key.rotate', resource, (grant) => made.gatewayKeyService.rotate(grant)),
  };
  return { gate, isKnown, end };
}

describe('DESIGN «Cache»: a load in flight never brings a gateway key back', () => {
  it.each(['revoke', 'disable', 'rotate'] as const)('S10: in every order of reads and %s: whoever asks afterwards with what has ended is nobody', async (how) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), fc.boolean(), async (scheduler, requests, warm) => {
        const { gate, isKnown, end } = await gated(scheduler);
        if (warm) expect(await isKnown()).toBe(true);
        gate.on = true;
        const early = Array.from({ length: requests }, () => isKnown());
        const ended = scheduler.schedule(Promise.resolve(), how).then((): Promise<unknown> => end[how]());
        const late = ended.then(() => isKnown());
        await scheduler.waitFor(Promise.all([...early, late]));
        expect(await late).toBe(false);
        gate.on = false;
        expect(await isKnown()).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
