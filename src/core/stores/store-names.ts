import { KeyholdError } from '../../ports/errors.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import type { FoundSecret, SecretStore } from '../../ports/secret-store.ts';
import type { Grant } from '../access/grant.ts';
import { withoutOurRefusal } from '../credentials/store-errors.ts';

/** The names of what lies in the stores where credentials do, whoever put it there (R6.3). */
export class StoreNames {
  readonly #stores: readonly SecretStore[];

  constructor({ stores }: { readonly stores: readonly SecretStore[] }) {
    this.#stores = stores;
  }

  /** Nothing of a store in which only Keyhold keeps things. Throws `not_found` for one that is not switched on, `unavailable` while it cannot be asked. */
  async list(grant: Grant, page: PageRequest): Promise<Page<FoundSecret>> {
    const { id } = grant.use('store.find');
    const store = this.#stores.find(({ kind }) => kind === id);
    if (store === undefined) throw new KeyholdError('not_found', `The store ${id ?? ''} is not switched on here. GET /api/v1/stores shows which are.`);
    if (store.found === undefined) return { items: [], next: undefined };
    return store.found(page).catch((error: unknown) => {
      throw withoutOurRefusal(error);
    });
  }
}
