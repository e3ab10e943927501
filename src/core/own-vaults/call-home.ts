import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { OwnVaultRepository } from '../../ports/metadata/own-vaults.ts';
import type { TenantRepository } from '../../ports/metadata/tenants.ts';
import type { StoreId } from '../../ports/secret-store.ts';
import type { KeptThere } from './kept-there.ts';
import { ownStoreId } from './own-vaults.ts';

const PAGE = 500;
/** A put that had begun before a vault was registered has ended by then (its intent, and what a call to a store may take). */
const CHANGED_MS = 5 * 60 * 1000;
const ALL_EVERY_MS = 60 * 60 * 1000;

export interface CallHomeDependencies {
  readonly tenants: Pick<TenantRepository, 'list'>;
  readonly records: Pick<OwnVaultRepository, 'get' | 'replace'>;
  readonly kept: Pick<KeptThere, 'callHome'>;
  /** Where new values go without an own vault. */
  readonly usualStore: StoreId;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Finds values of tenants with a vault of their own that lie elsewhere all the same, and marks them to be moved there: those of a put that was under way while the vault was
 * registered, of a registration that a crash has cut short, of a key that was recovered since. Vaults that were changed just now are looked at in each run, all others in
 * the first one and once an hour. The first one also takes back what a process has begun that died while it removed a vault.
 */
export class CallHome {
  readonly #dependencies: CallHomeDependencies;
  readonly #changedAt = new Map<string, number>();
  #allAt: number | undefined;

  constructor(dependencies: CallHomeDependencies) {
    const { bus, clock } = dependencies;
    this.#dependencies = dependencies;
    bus.subscribe((message) => {
      if (message.topic === 'own-vault') this.#changedAt.set(message.tenant, clock.monotonic());
    });
  }

  /** Never rejects: what cannot be read now is looked at in the next run. */
  async run(): Promise<void> {
    const { clock, log } = this.#dependencies;
    const now = clock.monotonic();
    try {
      if (this.#allAt === undefined || now - this.#allAt >= ALL_EVERY_MS) {
        await this.#all({ isFirst: this.#allAt === undefined });
        this.#allAt = now;
      }
      for (const [tenant, changedAt] of this.#changedAt) {
        await this.#look(tenant, { wasChanged: true });
        if (now - changedAt >= CHANGED_MS) this.#changedAt.delete(tenant);
      }
    } catch (error) {
      log.warn('own_vault_look_failed', 'It could not be looked whether values of tenants with a vault of their own lie elsewhere; the next run tries again', { error });
    }
  }

  async #all({ isFirst }: { readonly isFirst: boolean }): Promise<void> {
    let after: string | undefined;
    do {
      const page = await this.#dependencies.tenants.list({ limit: PAGE, after });
      for (const { record } of page.items) {
        if (record.state !== 'active' && record.state !== 'suspended') continue;
        if (isFirst) await this.#reopen(record.id);
        await this.#look(record.id);
      }
      after = page.next;
    } while (after !== undefined);
  }

  /** Nothing new goes to a vault that is being removed. Whoever removes one just now finds it changed, and repeats that. */
  async #reopen(tenant: string): Promise<void> {
    const { records, bus } = this.#dependencies;
    const stored = await records.get({ tenant });
    if (stored?.record.state !== 'closing') return;
    const { revision } = await records.replace({ tenant }, { ...stored.record, state: 'active' }, stored.revision);
    await bus.publish({ topic: 'own-vault', tenant, version: revision });
  }

  async #look(tenant: string, { wasChanged = false } = {}): Promise<void> {
    const { records, kept, usualStore } = this.#dependencies;
    const record = (await records.get({ tenant }))?.record;
    if (record?.state !== 'active') return;
    if (record.takesNew) await kept.callHome(tenant, ownStoreId(record));
    // Told to take nothing new while a run was marking values to be moved there.
    else if (wasChanged) await kept.callHome(tenant, usualStore);
  }
}
