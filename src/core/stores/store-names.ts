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

  /** Throws `not_found` for a store that is not switched on or whose names nobody but Keyhold makes, `unavailable` while it cannot be asked. */
  async list(grant: Grant, page: PageRequest): Promise<Page<FoundSecret>> {
    const { id } = grant.use('store.find');
    const store = this.#stores.find(({ kind }) => kind === id);
    if (store?.found === undefined) {
      throw new KeyholdError('not_found', `There is no store ${id ?? ''} here whose names can be listed. GET /api/v1/stores shows which are switched on; the encrypted database holds nothing that Keyhold does not know.`);
    }
    return store.found(page).catch((error: unknown) => {
      throw withoutOurRefusal(error);
    });
  }
}
