/**
 * What a process leases beyond what it needs now, so that the next requests need no write. All that is spare together stays below a hundredth of the budget on up to
 * eight replicas, and shrinks with what is left, so that little is held by those who do not need it when the end is near.
 */
export function spareOf(budgetAmount: number, uncommitted: number): number {
  return Math.max(0, Math.floor(Math.min(budgetAmount / 800, uncommitted / 32)));
}
