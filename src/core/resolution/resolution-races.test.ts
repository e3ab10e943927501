import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';

/** Waits until the test lets it go on, so that every order of database, store and bus can be tried. */
type Gate = (name: string) => Promise<void>;

function gated(gate: Gate) {
  const world = createCredentialWorld();
  const publish = world.bus.publish.bind(world.bus);
  world.bus.publish = async (message) => {
    await gate('written');
    await publish(message);
  };
  const { credentials } = world.metadata;
  const list = credentials.listService.bind(credentials);
  credentials.listService = async (scope, service) => {
    await gate('records asked');
    const stored = await list(scope, service);
    await gate('records answered');
    return stored;
  };
  const get = world.store.get.bind(world.store);
  world.store.get = async (reference) => {
    await gate('store asked');
    const fields = await get(reference);
    await gate('store answered');
    return fields;
  };
  return world;
}

const keys = { old: 'sk-test-old-0123456789', next: 'sk-test-next-0123456789' };

describe('DESIGN «Cache»: a load in flight never brings a key back', () => {
  it.each(['revoked', 'disabled', 'replaced'] as const)('a value that is being read while its key is %s is not served, and not kept', async (how) => {
    const waiting: (() => void)[] = [];
    let hold = false;
    const world = gated(async (name) => {
      if (hold && name === 'store answered') await new Promise<void>((resume) => waiting.push(resume));
    });
    await world.put(keys.old);
    hold = true;
    const serve = () => world.served().catch((error: unknown) => asKeyholdError(error).details?.['reason']);
    const flight = serve();
    while (waiting.length === 0) await new Promise((resume) => setImmediate(resume));
    if (how === 'revoked') await world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
    if (how === 'disabled') await world.as('credential.update', (grant) => world.credentials.update(grant, { disabled: true }));
    if (how === 'replaced') await world.put(keys.next);
    hold = false;
    for (const resume of waiting) resume();
    const expected = how === 'replaced' ? keys.next : how;
    expect(await flight).toBe(expected);
    expect(await serve()).toBe(expected);
  });

  it.each(['revoke', 'disable', 'replace', 'remove'] as const)('in every order of reads and %s: a request that begins afterwards never gets the old key', async (change) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), fc.boolean(), async (scheduler, requests, warm) => {
        let scheduled = false;
        const world = gated(async (name) => {
          if (scheduled) await scheduler.schedule(Promise.resolve(), name);
        });
        await world.put(keys.old);
        if (warm) await world.served();
        scheduled = true;
        const serve = () => world.served().catch((error: unknown) => asKeyholdError(error).code);
        const early = Array.from({ length: requests }, () => serve());
        const changed = scheduler.schedule(Promise.resolve(), 'change').then(async (): Promise<unknown> => {
          if (change === 'replace') return world.put(keys.next);
          if (change === 'revoke') return world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
          if (change === 'remove') return world.as('credential.delete', (grant) => world.credentials.remove(grant));
          return world.as('credential.update', (grant) => world.credentials.update(grant, { disabled: true }));
        });
        const late = changed.then(() => serve());
        await scheduler.waitFor(Promise.all([...early, late]));
        expect(await late).toBe(change === 'replace' ? keys.next : 'no_credential');
        for (const served of await Promise.all(early)) expect([keys.old, keys.next, 'no_credential', 'unavailable']).toContain(served);
        scheduled = false;
        expect(await serve()).toBe(change === 'replace' ? keys.next : 'no_credential');
      }),
      { numRuns: 200 },
    );
  });

  it('in every order, an open stream hears of a revocation', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        let scheduled = false;
        const world = gated(async (name) => {
          if (scheduled) await scheduler.schedule(Promise.resolve(), name);
        });
        await world.put(keys.old);
        const grant = await world.use();
        scheduled = true;
        const opening = Promise.resolve(world.resolver.resolve(grant, { service: testServices.openai })).catch(() => undefined);
        const revoked = scheduler
          .schedule(Promise.resolve(), 'revoke')
          .then(() => world.as('credential.revoke', (given) => world.credentials.revoke(given), { scope: tenantScope('acme') }));
        const [stream] = await scheduler.waitFor(Promise.all([opening, revoked]));
        for (let round = 0; round < 3; round += 1) {
          await scheduler.waitAll();
          await new Promise((resume) => setImmediate(resume));
        }
        expect(stream?.isCurrent() ?? false).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
