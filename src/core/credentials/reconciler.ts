import { asKeyholdError } from '../../ports/errors.ts';
import { type CredentialKey, type CredentialMaintenance, type CredentialRecord, RECOVERABLE_MS } from '../../ports/metadata/credentials.ts';
import { systemActor } from '../access/actor.ts';
import type { Access } from '../access/authorize.ts';
import { credentialKey } from './credential-key.ts';
import { type CredentialDependencies, type CredentialParts, credentialParts } from './credential-parts.ts';
import { purged } from './record-changes.ts';

const PAGE = 200;

export interface ReconcilerDependencies extends CredentialDependencies {
  readonly maintenance: CredentialMaintenance;
  readonly access: Access;
}

export interface ReconcileRun {
  /** Records with something to do that is done now. */
  readonly finished: number;
  /** Records that the next run tries again; each is in the log. */
  readonly failed: number;
}

/**
 * Ends what writers left: finishes open intents, purges what was deleted 30 days ago, and destroys in the stores what no record
 * uses. Every step is a compare-and-set on one record, so that several reconcilers and writers can be at work at once.
 */
export class Reconciler {
  readonly #parts: CredentialParts;
  readonly #maintenance: CredentialMaintenance;
  readonly #access: Access;

  constructor({ maintenance, access, ...shared }: ReconcilerDependencies) {
    this.#parts = credentialParts(shared);
    this.#maintenance = maintenance;
    this.#access = access;
  }

  /**
   * Goes through all that is due. With `allOpenIntents` also intents that have not expired: only when their writers are known to be
   * dead, as at the start on a data folder that this process owns. Audit rows are written for records with something to do, none
   * otherwise. Rejects only when the records cannot be listed.
   */
  async runOnce({ allOpenIntents }: { readonly allOpenIntents: boolean }): Promise<ReconcileRun> {
    let finished = 0;
    let failed = 0;
    let after: string | undefined;
    do {
      const page = await this.#maintenance.dueForReconciling(this.#parts.clock.now(), { limit: PAGE, after });
      for (const key of page.items) {
        try {
          if (await this.#reconcile(key, allOpenIntents)) finished += 1;
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
    return { finished, failed };
  }

  async #reconcile(key: CredentialKey, allOpenIntents: boolean): Promise<boolean> {
    const found = await this.#parts.writer.get(key);
    if (found === undefined || !this.#hasWork(found.record, allOpenIntents)) return false;
    await this.#access.perform(systemActor('reconcile'), 'credential.reconcile', key, null, async (grant) =>
      this.#work(credentialKey(grant.use('credential.reconcile')), allOpenIntents),
    );
    return true;
  }

  async #work(key: CredentialKey, allOpenIntents: boolean): Promise<void> {
    const { writer, finisher, leftovers, clock } = this.#parts;
    let stored = await writer.get(key);
    if (stored === undefined) return;
    if (this.#intentIsOurs(stored.record, allOpenIntents)) stored = await finisher.finish(key, stored);
    if (this.#isOverdue(stored.record)) {
      stored = await writer.change(key, (record) => (this.#isOverdue(record) ? purged(record, clock.now()) : undefined));
      await writer.announce(key, stored);
    }
    await leftovers.clear(key, stored);
  }

  #hasWork(record: CredentialRecord, allOpenIntents: boolean): boolean {
    const now = this.#parts.clock.now();
    return (
      this.#intentIsOurs(record, allOpenIntents) ||
      this.#isOverdue(record) ||
      record.retired.some(({ destroyAfter }) => destroyAfter <= now)
    );
  }

  #intentIsOurs({ intent }: CredentialRecord, allOpenIntents: boolean): boolean {
    return intent !== null && (allOpenIntents || intent.expires <= this.#parts.clock.now());
  }

  /** Deleted so long ago that it can no longer be recovered (R3.7). */
  #isOverdue({ state, deletedAt, intent }: CredentialRecord): boolean {
    return state === 'deleted' && intent === null && deletedAt !== null && deletedAt + RECOVERABLE_MS <= this.#parts.clock.now();
  }
}
