import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { kindOf, ownVaultOf, storeKinds, type StoreId } from '../../ports/secret-store.ts';
import { storedInWords } from '../credentials/stored-in.ts';

export interface WaitingValuesDependencies {
  readonly metrics: Pick<Metrics, 'valuesWaiting'>;
  readonly log: Log;
}

/**
 * How many values wait for each store that could not be reached when they were handed over (R3.5): counted by the reconciler, and between
 * its runs by who stores one.
 */
export class WaitingValues {
  readonly #metrics: WaitingValuesDependencies['metrics'];
  readonly #log: Log;
  readonly #counts = new Map<StoreId, number>();
  /** As it was logged last. */
  readonly #told = new Map<StoreId, number>();

  constructor({ metrics, log }: WaitingValuesDependencies) {
    this.#metrics = metrics;
    this.#log = log;
  }

  of(store: StoreId): number {
    return this.#counts.get(store) ?? 0;
  }

  /** All that anything waits for, for the other replicas. A tenant's own vault is left out: that is its tenant's to see. */
  shown(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].filter(([store, count]) => count > 0 && ownVaultOf(store) === undefined));
  }

  /** As another replica has counted them (`shown`). */
  told(shown: Readonly<Record<string, number>>): void {
    this.counted(new Map(storeKinds.flatMap((kind) => (shown[kind] === undefined ? [] : [[kind, shown[kind]] as const]))));
  }

  added(store: StoreId): void {
    this.#set(store, this.of(store) + 1);
  }

  /** After all have been looked at; logs what has changed. */
  counted(counts: ReadonlyMap<StoreId, number>): void {
    for (const store of new Set([...this.#counts.keys(), ...counts.keys()])) {
      const count = counts.get(store) ?? 0;
      this.#set(store, count);
      // What a tenant's own vault keeps waiting is its tenant's to see.
      if (ownVaultOf(store) !== undefined || count === (this.#told.get(store) ?? 0)) continue;
      this.#told.set(store, count);
      const { message, event } = storedInWords[kindOf(store)];
      if (count > 0) this.#log.warn('values_waiting', `Values wait to be moved to ${message}, which could not be reached when they were stored`, { count, storedIn: event });
      else this.#log.info('values_waiting', `No value waits to be moved to ${message} any more`, { count, storedIn: event });
    }
  }

  #set(store: StoreId, count: number): void {
    this.#counts.set(store, count);
    if (ownVaultOf(store) === undefined) this.#metrics.valuesWaiting({ store: kindOf(store), count });
  }
}
