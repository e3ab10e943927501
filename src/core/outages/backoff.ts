import type { RandomBytes } from '../../ports/clock.ts';

export interface BackoffSteps {
  readonly firstMs: number;
  readonly factor: number;
  readonly mostMs: number;
}

/** A random number from 0 up to, not including, 1. */
export function fraction(random: RandomBytes): number {
  return random(4).readUInt32BE() / 0x1_0000_0000;
}

/** How long to wait after the n-th failure in a row (from 1), in milliseconds: growing, bounded, and up to a fifth shorter by chance, so that replicas do not come back together. */
export function backoffMs(failures: number, { firstMs, factor, mostMs }: BackoffSteps, random: RandomBytes): number {
  return Math.min(mostMs, firstMs * factor ** (failures - 1)) * (1 - fraction(random) / 5);
}

/**
 * How long to wait before the n-th repeat (from 1), in milliseconds: anything from nothing up to the step, so that those who failed together do not repeat together
 * (full jitter, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function fullJitterMs(repeat: number, { firstMs, factor, mostMs }: BackoffSteps, random: RandomBytes): number {
  return Math.min(mostMs, firstMs * factor ** (repeat - 1)) * fraction(random);
}
