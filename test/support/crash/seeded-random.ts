import { createHash } from 'node:crypto';

/** Choices that a seed repeats. */
export interface SeededRandom {
  /** A whole number from 0 to `end` - 1. */
  below(end: number): number;
  /** One of these, each as often as its weight says. */
  choose<T>(weighted: readonly (readonly [choice: T, weight: number])[]): T;
}

/** `name` tells apart those who choose at the same time, so that the choices of one do not depend on how fast another is. */
export function seededRandom(seed: string, name: string): SeededRandom {
  let count = 0;
  const below = (end: number): number => {
    count += 1;
    return createHash('sha256').update(`${seed}/${name}/${count}`).digest().readUIntBE(0, 6) % end;
  };
  return {
    below,
    choose: (weighted) => {
      let left = below(weighted.reduce((sum, [, weight]) => sum + weight, 0));
      for (const [choice, weight] of weighted) {
        left -= weight;
        if (left < 0) return choice;
      }
      throw new Error('There is nothing to choose from.');
    },
  };
}
