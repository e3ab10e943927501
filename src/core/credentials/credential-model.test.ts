import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialModel, operate, type Operation, operations, type Outcome } from '../../../test/support/credential-model.ts';
import { codeOf, Crash, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { type CredentialStep, credentialSteps } from './steps.ts';

type Command =
  | { readonly kind: 'operate'; readonly operation: Operation; readonly crash: CredentialStep | undefined; readonly outage: 'none' | 'before' | 'after' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reconcile'; readonly restarted: boolean; readonly crash: CredentialStep | undefined };

const MINUTE = 60_000;

const crash = fc.option(fc.constantFrom(...credentialSteps), { nil: undefined, freq: 2 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('operate' as const), operation: fc.constantFrom(...operations, 'put', 'put'), crash, outage: fc.constantFrom('none', 'none', 'before', 'after') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1000, 29_000, 31_000, 2 * MINUTE) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reconcile' as const), restarted: fc.boolean(), crash }) },
);

async function run(world: CredentialWorld, step: Command, model: CredentialModel, key: string): Promise<void> {
  if (step.kind === 'wait') {
    world.clock.advance(step.ms);
    return;
  }
  world.crashAt(step.crash);
  if (step.kind === 'reconcile') {
    // The reconciler keeps a crash to one record, as it does every failure.
    if (step.restarted) world.resolver = world.newResolver();
    await world.reconcile({ allOpenIntents: step.restarted });
    world.crashAt(undefined);
    return;
  }
  if (step.outage !== 'none') world.store.failNext(1, new KeyholdError('unavailable', 'down'), { after: step.outage === 'after' });
  try {
    await operate(world, step.operation, key);
    model.acknowledged(step.operation, key);
  } catch (error) {
    if (error instanceof Crash) {
      // The process is dead: its caches with it.
      world.resolver = world.newResolver();
      model.unanswered(step.operation, key);
    } else {
      const code = await codeOf(Promise.reject(error));
      expect(['conflict', 'not_found', 'unavailable']).toContain(code);
      if (code === 'unavailable') model.unanswered(step.operation, key);
    }
  } finally {
    world.crashAt(undefined);
    world.store.failNext(0, new KeyholdError('unavailable', 'down'));
  }
}

async function servedBy(world: CredentialWorld): Promise<Outcome> {
  try {
    return { serves: (await world.served()) ?? '' };
  } catch (error) {
    expect(await codeOf(Promise.reject(error))).toBe('no_credential');
    return 'nothing';
  }
}

describe('DESIGN «One record at a time»: whatever is done, and wherever it crashes', () => {
  it('versions only grow, acknowledged writes are served, revoked keys never, nothing stays pending, no value is left over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
        const world = createCredentialWorld();
        const model = new CredentialModel();
        let version = 0;
        for (const [index, step] of commands.entries()) {
          await run(world, step, model, `sk-test-model-${index}-0123456789`);
          const record = (await world.record())?.record;
          expect(record?.version ?? 0).toBeGreaterThanOrEqual(version);
          version = record?.version ?? 0;
          const served = await servedBy(world);
          if (served !== 'nothing') expect(model.revokedKeys).not.toContain(served.serves);
        }

        // Once for what expired, once for what that retired.
        for (let round = 0; round < 2; round += 1) {
          world.clock.advance(2 * MINUTE);
          expect((await world.reconcile()).failed).toBe(0);
        }
        const due = await world.metadata.credentialMaintenance.dueForReconciling(world.clock.now(), { limit: 100 });
        expect(due.items).toEqual([]);
        const stored = await world.record();
        expect(stored?.record.intent ?? null).toBe(null);
        expect(stored?.record.retired ?? []).toEqual([]);

        const served = await servedBy(world);
        expect(model.possible()).toContainEqual(served);
        const keeps = stored?.record.state === 'active' || stored?.record.state === 'deleted' ? 1 : 0;
        expect(world.store.keptVersions()).toBe(keeps);
        expect(await world.reconcile()).toEqual({ finished: 0, failed: 0 });
      }),
      { numRuns: 1000 },
    );
  });

  it.each(credentialSteps)('a crash at %s is finished by the next start, without waiting', async (crashAt) => {
    const world = createCredentialWorld();
    const keys = ['sk-test-one-0123456789', 'sk-test-two-0123456789'];
    let crashed = 0;
    const acknowledged: string[] = [];
    for (const operation of ['put', 'put', 'disable', 'enable', 'remove', 'recover', 'remove', 'purge', 'put', 'revoke'] as const) {
      world.crashAt(crashAt);
      try {
        await operate(world, operation, keys[acknowledged.length % 2] ?? '');
        acknowledged.push(operation);
      } catch (error) {
        if (error instanceof Crash) crashed += 1;
        // After a crash the credential may be in another state than the list of operations supposes.
        else expect(['conflict', 'not_found']).toContain(await codeOf(Promise.reject(error)));
      }
      world.crashAt(undefined);
      world.resolver = world.newResolver();
      await world.reconcile({ allOpenIntents: true });
      expect((await world.record())?.record.intent).toBe(null);
      expect(await codeOf(servedBy(world).then(() => Promise.reject(new Error('resolution works'))))).toContain('resolution works');
    }
    // The reconciler's and the adoption's own steps are not passed by these operations, or keep a crash to themselves like any other failure of a clean-up.
    if (!['finish.', 'move.', 'adopt.'].some((others) => crashAt.startsWith(others)) && crashAt !== 'leftovers.destroyed') expect(crashed).toBeGreaterThan(0);
    world.clock.advance(2 * MINUTE);
    await world.reconcile();
    const record = (await world.record())?.record;
    expect(world.store.keptVersions()).toBe(record?.state === 'active' || record?.state === 'deleted' ? 1 : 0);
    expect(record?.retired).toEqual([]);
  });
});
