/** Numbers from a schedule, which decide everything else. */
export type Draw = (below: number) => number;

/** The same numbers for the same seed: a linear congruential generator (Numerical Recipes). */
export function drawsOf(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
