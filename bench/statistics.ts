/** The middle of some figures, with the smallest and the largest beside it. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The value below which this share of ascending figures lies; NaN where there are none. */
export function quantile(ascending: readonly number[], share: number): number {
  if (ascending.length === 0) return Number.NaN;
  const position = (ascending.length - 1) * share;
  const below = ascending[Math.floor(position)] ?? Number.NaN;
  const above = ascending[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

/** One peer's figure over another's, round by round: what disturbed a round disturbed both. */
export function ratiosOf(of: readonly number[], over: readonly number[]): Spread {
  return spreadOf(of.map((figure, round) => figure / (over[round] ?? Number.NaN)));
}
