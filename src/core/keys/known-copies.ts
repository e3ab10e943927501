import type { CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Page, Stored } from '../../ports/metadata/stored.ts';
import { type Scope, tenantScope } from '../../ports/scope.ts';
import { isStoreId, kindOf, type KnownCopy, type StoreId } from '../../ports/secret-store.ts';
import { asKeyholdError } from '../../ports/errors.ts';
import type { Stores } from '../credentials/store-errors.ts';

const PAGE = 200;

export interface KnownCopiesDependencies {
  readonly credentials: Pick<CredentialRepository, 'list'>;
  readonly stores: Stores;
  /** For how long the operator keeps backups of the database, in milliseconds; null: not said. */
  readonly backupsKeptMs: number | null;
}

/** What remains of a tenant's values after its data keys are destroyed, as far as Keyhold knows (S16). */
export class KnownCopies {
  readonly #dependencies: KnownCopiesDependencies;

  constructor(dependencies: KnownCopiesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Copies of the database from before the keys were destroyed, at this time at the latest: they still hold the wrapped keys. */
  ofDatabase(shreddedAt: number): KnownCopy {
    const { backupsKeptMs } = this.#dependencies;
    return {
      what: 'backups and other copies of the database from before, which hold the wrapped data keys and the sealed values',
      place: 'wherever the operator keeps them',
      until: backupsKeptMs === null ? null : shreddedAt + backupsKeptMs,
    };
  }

  /** What the vaults keep. To be asked before the data keys go: with them goes what opens a vault of the tenant's own. */
  async inVaults(tenant: string): Promise<readonly KnownCopy[]> {
    const inStores: KnownCopy[] = [];
    const ids = new Set<StoreId>();
    for await (const record of this.#records(tenantScope(tenant))) {
      for (const id of storesOf(record)) {
        ids.add(id);
        inStores.push(...(await this.#copiesIn(id, record)));
      }
    }
    return [...inStores, ...([...ids].some((id) => kindOf(id) === 'vault') ? [snapshots] : [])];
  }

  async #copiesIn(id: StoreId, { scope, service, label }: CredentialRecord): Promise<readonly KnownCopy[]> {
    const store = this.#dependencies.stores(id);
    const place = `${service}/${label}`;
    if (store === undefined) return [{ what: `what ${id} has kept, which is switched off now and could not be asked`, place, until: null }];
    try {
      return (await store.copies?.({ scope, service, label })) ?? [];
    } catch (error) {
      return [{ what: `what ${id} has kept, which could not be asked (${asKeyholdError(error).code})`, place, until: null }];
    }
  }

  async *#records(scope: Scope): AsyncGenerator<CredentialRecord> {
    let after: string | undefined;
    do {
      const page: Page<Stored<CredentialRecord>> = await this.#dependencies.credentials.list(scope, { limit: PAGE, after });
      for (const { record } of page.items) yield record;
      after = page.next;
    } while (after !== undefined);
  }
}

const snapshots: KnownCopy = { what: 'snapshots and backups of HashiCorp Vault from before', place: 'wherever its operator keeps them', until: null };

/** The vaults in which versions of the credential lay. The database's own copies are told of once for all. */
function storesOf({ current, leftIn, retired }: CredentialRecord): readonly StoreId[] {
  const used = new Set<StoreId>([...(current === null ? [] : [current.reference.store]), ...Object.keys(leftIn ?? {}).filter(isStoreId), ...retired.map(({ reference }) => reference.store)]);
  return [...used].filter((id) => kindOf(id) !== 'sealed').toSorted();
}
