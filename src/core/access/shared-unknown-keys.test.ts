import { expect, it } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import { SharedUnknownKeys } from './shared-unknown-keys.ts';
import { UnknownKeys } from './unknown-keys.ts';

it('R0.3, R5.7: unknown keys from one address are counted over all processes, and an address that is blocked is told of no more', () => {
  const receivers: ((message: unknown) => void)[] = [];
  let told = 0;
  const processes = [0, 1, 2].map((index) => {
    const channel = {
      send: async (message: unknown) => {
        told += 1;
        for (const [to, receive] of receivers.entries()) if (to !== index) receive(message);
      },
      onMessage: (receive: (message: unknown) => void) => void (receivers[index] = receive),
    };
    return new SharedUnknownKeys(new UnknownKeys(new TestClock()), channel);
  });
  let allowed = 0;
  for (let round = 0; round < 90; round += 1) {
    const here = processes[round % 3]!;
    if (here.blockedFor('192.0.2.1') !== undefined) continue;
    here.note('192.0.2.1');
    allowed += 1;
  }
  expect(allowed).toBe(20);
  for (const here of processes) here.note('192.0.2.1');
  expect(told).toBe(20);
  expect(processes.map((here) => here.blockedFor('192.0.2.2'))).toEqual([undefined, undefined, undefined]);
});
