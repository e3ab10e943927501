import { describe, expect, it } from 'vitest';
import { RestartPolicy } from './restart-policy.ts';

const SECOND = 1_000;

describe('when dead workers are replaced (R5.7)', () => {
  it('at once, when they had served for a while', () => {
    const policy = new RestartPolicy();
    for (let round = 1; round <= 50; round += 1) expect(policy.died({ at: round * 11 * SECOND, servedMs: 10 * SECOND, othersServeMs: [] })).toBe(0);
  });

  it('later and later, when they die at once, and not at all when that goes on', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 6 }, (_, round) => policy.died({ at: round * SECOND, servedMs: 50, othersServeMs: [] }));
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, undefined]);
  });

  it('for ever, while another one serves', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 40 }, (_, round) => policy.died({ at: round * 10 * SECOND, servedMs: 0, othersServeMs: [60 * SECOND] }));
    expect(delays.slice(-3)).toEqual([10_000, 10_000, 10_000]);
  });

  it('as the first time, when the last death was long ago', () => {
    const policy = new RestartPolicy();
    for (let round = 0; round < 5; round += 1) policy.died({ at: round * SECOND, servedMs: 0, othersServeMs: [] });
    expect(policy.died({ at: 100 * SECOND, servedMs: 0, othersServeMs: [] })).toBe(250);
  });
});
