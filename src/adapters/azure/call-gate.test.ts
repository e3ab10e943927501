import { expect, it } from 'vitest';
import { repeatableRandom, TestClock } from '../../../test/support/credential-world.ts';
import { AzureFailure, type AzureTrouble } from './azure-failure.ts';
import { CallGate } from './call-gate.ts';

it.each([
  { trouble: 'unreachable', atRest: 'resting' },
  { trouble: 'refused', atRest: 'refused' },
] as const)('DESIGN «Stale serving»: between trials of a vault that is $trouble calls fail as $atRest', async ({ trouble, atRest }) => {
  let calls = 0;
  const gate = new CallGate({ clock: new TestClock(), random: repeatableRandom(), onAnswer: () => undefined, onOutage: () => undefined });
  const call = async (): Promise<never> => {
    calls += 1;
    throw new AzureFailure(trouble, { mayHaveHappened: false });
  };
  const told: AzureTrouble[] = [];
  for (let attempt = 0; attempt < 10; attempt += 1) await gate.run(call, 0).catch((error: unknown) => void (error instanceof AzureFailure && told.push(error.trouble)));
  expect(calls).toBeLessThan(10);
  expect(new Set(told)).toEqual(new Set([trouble, atRest]));
});
