import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AzureWorld, startAzureWorld } from '../support/azure-world.ts';
import { OutageProof, outageTestMs } from '../support/outage-proof.ts';

let world: AzureWorld;
let proof: OutageProof;

describe('R3.3 DESIGN «Stale serving»: nobody notices when Azure Key Vault', () => {
  beforeAll(async () => {
    world = await startAzureWorld();
    proof = new OutageProof(world);
    await proof.serve();
  });
  afterAll(() => world.close());

  it('is gone, and refuses connections', () => proof.prove({ begin: () => world.azure.kill(), end: () => world.azure.restart() }), outageTestMs);

  it('takes requests and says nothing, and then R1.4 has too much to do', async () => {
    const heal = async (): Promise<void> => {
      world.azure.faults.heal();
      await world.azure.faults.release();
    };
    const answers = await proof.prove({
      begin: () => world.azure.faults.break({ kind: 'hold' }, { where: 'keyhold-test' }),
      during: async () => {
        await heal();
        world.azure.faults.break({ kind: 'answer', status: 429, code: 'Throttled', headers: { 'retry-after': '2' } }, { where: 'keyhold-test' });
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      },
      end: heal,
    });
    expect(answers.length).toBeGreaterThan(20);
  }, outageTestMs);
});
