import type { Clock } from '../../../src/ports/clock.ts';

let ahead = 0;

/** The machine's clocks, further on by what a test has moved them. */
export const movedClock: Clock = {
  now: () => Date.now() + ahead,
  monotonic: () => performance.now() + ahead,
};

export function moveClock(ms: number): void {
  ahead += ms;
}
