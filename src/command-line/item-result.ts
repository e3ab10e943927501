/** What became of one item of a long run, for people and programs: never a value. */
export interface ItemResult {
  /** Where it was found. */
  readonly from: string;
  /** null: the platform's. */
  readonly tenant: string | null;
  readonly service: string;
  readonly label: string;
  /** What was done or would be: a word of the run's own, or `refused` (as it is, it never will be) or `failed` (worth another run). */
  readonly outcome: string;
  readonly storedIn?: string;
  /** How an earlier system has encrypted it. */
  readonly legacy?: string;
  /** false: nothing proves that the value is as it was written. */
  readonly authenticated?: boolean;
  readonly hints?: Readonly<Record<string, string>>;
  readonly warnings?: readonly string[];
  /** Why it was refused or failed. */
  readonly reason?: string;
}

export interface RunReport {
  readonly command: string;
  readonly dryRun: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** How many items came to which outcome. */
  readonly totals: Readonly<Record<string, number>>;
  /** What an operator should do now. */
  readonly advice: readonly string[];
  readonly items: readonly ItemResult[];
}

export function totalsOf(items: readonly ItemResult[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(items, ({ outcome }) => outcome)].map(([outcome, of]) => [outcome, of.length]));
}
