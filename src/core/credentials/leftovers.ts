import type { Clock } from '../../ports/clock.ts';
import type { CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference, StoreId } from '../../ports/secret-store.ts';
import { leftoversGone } from './record-changes.ts';
import type { RecordWriter } from './record-writer.ts';
import type { StepHook } from './steps.ts';
import { type Stores, storeOf } from './store-errors.ts';

export interface LeftoversDependencies {
  readonly writer: RecordWriter;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly step: StepHook;
}

/** Destroys in the store the versions that left use. */
export class Leftovers {
  readonly #writer: RecordWriter;
  readonly #stores: Stores;
  readonly #clock: Clock;
  readonly #step: StepHook;

  constructor({ writer, stores, clock, step }: LeftoversDependencies) {
    this.#writer = writer;
    this.#stores = stores;
    this.#clock = clock;
    this.#step = step;
  }

  /**
   * Destroys everything that is due, and returns the record without it. One value that cannot be destroyed does not keep the others;
   * its error is thrown at the end, and it stays listed. `isUp`: stores of which it says no are not asked; what lies there stays listed.
   */
  async clear(key: CredentialKey, before: Stored<CredentialRecord>, isUp: (store: StoreId) => boolean = () => true): Promise<Stored<CredentialRecord>> {
    const failures: unknown[] = [];
    const destroyed: SecretReference[] = [];
    for (const reference of dueLeftovers(before.record, this.#clock.now(), isUp)) {
      try {
        await storeOf(this.#stores, reference.store).destroy(reference);
        destroyed.push(reference);
      } catch (error) {
        failures.push(error);
      }
    }
    let after = before;
    if (destroyed.length > 0) {
      await this.#step('leftovers.destroyed');
      after = await this.#writer.change(key, (record) => leftoversGone(record, destroyed));
    }
    if (failures.length > 0) throw failures[0];
    return after;
  }
}

/** Where the versions lie that left use and are due to be destroyed, in the stores that can be asked. */
export function dueLeftovers({ retired }: CredentialRecord, now: number, isUp: (store: StoreId) => boolean): readonly SecretReference[] {
  return retired.filter(({ reference, destroyAfter }) => destroyAfter <= now && isUp(reference.store)).map(({ reference }) => reference);
}
