import type { RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import { type CredentialKey, type CredentialMaintenance, type CredentialRecord, RECOVERABLE_MS } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { ownVaultOf, type StoreId, storeKinds } from '../../ports/secret-store.ts';
import { systemActor } from '../access/actor.ts';
import type { Access } from '../access/authorize.ts';
import { credentialKey } from './credential-key.ts';
import { type CredentialDependencies, type CredentialParts, credentialParts } from './credential-parts.ts';
import { dueLeftovers } from './leftovers.ts';
import { nameIntent } from './name-intent.ts';
import { begun, homeOf, purged } from './record-changes.ts';
import { ValueMover } from './value-mover.ts';

const PAGE = 200;

export interface ReconcilerDependencies extends CredentialDependencies {
  readonly maintenance: CredentialMaintenance;
  readonly access: Access;
}

export interface ReconcileOptions {
  readonly allOpenIntents: boolean;
  /** Asked before each record and between the steps of one. Left out: yes. */
  readonly mayGoOn?: () => boolean;
}

export interface ReconcileRun {
  /** Records with something to do that is done now. */
  readonly finished: number;
  /** Records that the next run tries again; each is in the log. */
  readonly failed: number;
}

/** How one run goes about it. */
interface Pass {
  readonly allOpenIntents: boolean;
  readonly mayGoOn: () => boolean;
  /** Asks, once in a run, whether these stores answer. */
  readonly look: (stores: readonly StoreId[]) => Promise<void>;
  /** The stores that answer, of those that were looked at. */
  readonly isUp: (store: StoreId) => boolean;
  /** Counted on the way: how many values wait for each store. */
  readonly waiting: Map<StoreId, number>;
}

/**
 * Ends what writers left: finishes open intents, purges what was deleted 30 days ago, moves values to the store that was away when they
 * were stored, and destroys in the stores what no record uses. Every step is a compare-and-set on one record, so that several reconcilers
 * and writers can be at work at once.
 */
export class Reconciler {
  readonly #parts: CredentialParts;
  readonly #maintenance: CredentialMaintenance;
  readonly #access: Access;
  readonly #mover: ValueMover;
  readonly #random: RandomBytes;

  constructor({ maintenance, access, ...shared }: ReconcilerDependencies) {
    this.#parts = credentialParts(shared);
    this.#mover = new ValueMover(this.#parts);
    this.#maintenance = maintenance;
    this.#random = shared.random;
    this.#access = access;
  }

  /**
   * Goes through all that is due. With `allOpenIntents` also intents that have not expired: only when their writers are known to be
   * dead, as at the start on a data folder that this process owns; then nothing is moved yet, so that the start does not wait for that. Audit
   * rows are written for records with something to do, none otherwise. Ends early once `mayGoOn` says no. Rejects only when the records cannot be listed.
   */
  async runOnce({ allOpenIntents, mayGoOn = () => true }: ReconcileOptions): Promise<ReconcileRun> {
    const up = new Set<StoreId>();
    const looked = new Set<StoreId>();
    const look = async (ids: readonly StoreId[]): Promise<void> => {
      const asked = ids.filter((id) => !looked.has(id));
      for (const id of asked) looked.add(id);
      for (const id of await this.#thatAnswer(asked)) up.add(id);
    };
    await look(storeKinds);
    const pass: Pass = { allOpenIntents, mayGoOn, look, isUp: (store) => up.has(store), waiting: new Map() };
    let finished = 0;
    let failed = 0;
    let after: string | undefined;
    do {
      const page = await this.#maintenance.dueForReconciling(this.#parts.clock.now(), { limit: PAGE, after });
      for (const key of page.items) {
        if (!mayGoOn()) return { finished, failed };
        try {
          if (await this.#reconcile(key, pass)) finished += 1;
        } catch (error) {
          failed += 1;
          this.#parts.log.warn('credential_reconcile_failed', 'An unfinished change of a credential could not be finished; the next run tries again', {
            ...(key.scope.kind === 'tenant' ? { tenantId: key.scope.tenant } : {}),
            service: key.service,
            label: key.label,
            code: asKeyholdError(error).code,
            error,
          });
        }
      }
      after = page.next;
    } while (after !== undefined);
    this.#parts.waiting.counted(pass.waiting);
    return { finished, failed };
  }

  async #thatAnswer(ids: readonly StoreId[]): Promise<readonly StoreId[]> {
    const { stores } = this.#parts;
    const answers = await Promise.all(ids.map(async (id) => ((await stores(id)?.health())?.connected === true ? [id] : [])));
    return answers.flat();
  }

  async #reconcile(key: CredentialKey, pass: Pass): Promise<boolean> {
    await pass.look(ownVaultsIn((await this.#parts.writer.get(key))?.record));
    try {
      const moved = await this.#moveHome(key, pass);
      return (pass.mayGoOn() && (await this.#finishAndClear(key, pass))) || moved;
    } catch (error) {
      // One that cannot be moved is cleared all the same.
      await this.#finishAndClear(key, pass);
      throw error;
    }
  }

  async #finishAndClear(key: CredentialKey, pass: Pass): Promise<boolean> {
    const found = await this.#parts.writer.get(key);
    if (found === undefined || !this.#hasWork(found.record, pass)) return false;
    await this.#access.perform(systemActor('reconcile'), 'credential.reconcile', key, null, async (grant) =>
      this.#work(credentialKey(grant.use('credential.reconcile')), pass),
    );
    return true;
  }

  /** Before anything is destroyed, so that who reads a store with other tools finds the new value there before the old one is gone. */
  async #moveHome(key: CredentialKey, { allOpenIntents, isUp, waiting }: Pass): Promise<boolean> {
    const found = await this.#parts.writer.get(key);
    const home = found === undefined ? undefined : homeOf(found.record);
    if (found === undefined || home === undefined) return false;
    const count = waiting.get(home) ?? 0;
    if (found.record.current?.reference.store !== home) waiting.set(home, count + 1);
    if (allOpenIntents || found.record.intent !== null || !isUp(home)) return false;
    await this.#access.perform(systemActor('reconcile'), 'credential.move', key, null, async (grant) => this.#mover.moveHome(credentialKey(grant.use('credential.move')), found));
    waiting.set(home, count);
    return true;
  }

  async #work(key: CredentialKey, { allOpenIntents, isUp, mayGoOn }: Pass): Promise<void> {
    const { writer, finisher, leftovers, clock } = this.#parts;
    let stored = await writer.get(key);
    if (stored === undefined) return;
    if (this.#intentIsOurs(stored.record, allOpenIntents)) stored = await finisher.finish(key, stored);
    if (!mayGoOn()) return;
    if (this.#isOverdue(stored.record)) {
      stored = await writer.change(key, (record) => (this.#isOverdue(record) ? purged(record, clock.now()) : undefined));
      await writer.announce(key, stored);
    }
    if (mayGoOn()) stored = await this.#removeAgain(key, stored, isUp);
    if (mayGoOn()) await leftovers.clear(key, stored, isUp);
  }

  /**
   * A put on a credential that is out of use can have brought its old value back before it was given up, in a store that recovers a whole name before it writes (Azure).
   * When it is looked for what it has left, the value is removed again.
   */
  async #removeAgain(key: CredentialKey, stored: Stored<CredentialRecord>, isUp: Pass['isUp']): Promise<Stored<CredentialRecord>> {
    const { writer, finisher, clock } = this.#parts;
    const { state, intent, current, retired } = stored.record;
    if (state === 'active' || intent !== null || current === null || !isUp(current.reference.store)) return stored;
    const isDue = retired.some(({ late, destroyAfter, reference }) => late === true && destroyAfter <= clock.now() && reference.store === current.reference.store);
    if (!isDue) return stored;
    return finisher.finish(key, await writer.write(key, stored, begun(stored.record, nameIntent('remove', current, this.#parts, this.#random))));
  }

  /** What lies in a store that does not answer waits for it, without a row a minute in the audit log. */
  #hasWork(record: CredentialRecord, { allOpenIntents, isUp }: Pass): boolean {
    return this.#intentIsOurs(record, allOpenIntents) || this.#isOverdue(record) || dueLeftovers(record, this.#parts.clock.now(), isUp).length > 0;
  }

  #intentIsOurs({ intent }: CredentialRecord, allOpenIntents: boolean): boolean {
    return intent !== null && (allOpenIntents || intent.expires <= this.#parts.clock.now());
  }

  /** Deleted so long ago that it can no longer be recovered (R3.7). */
  #isOverdue({ state, deletedAt, intent }: CredentialRecord): boolean {
    return state === 'deleted' && intent === null && deletedAt !== null && deletedAt + RECOVERABLE_MS <= this.#parts.clock.now();
  }
}

/** The own vaults of its tenant that the record has to do with. */
function ownVaultsIn(record: CredentialRecord | undefined): readonly StoreId[] {
  if (record === undefined) return [];
  const ids = [homeOf(record), ...record.retired.map(({ reference }) => reference.store)];
  return ids.filter((id) => id !== undefined).filter((id) => ownVaultOf(id) !== undefined);
}
