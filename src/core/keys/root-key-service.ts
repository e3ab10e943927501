import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import { StartError } from '../../ports/start-error.ts';
import type { Grant } from '../access/grant.ts';
import { rootRecord } from '../crypto/root-key-record.ts';
import { type NextWrapper, type RewrapDependencies, rewrapRootKey } from './rewrap-root-key.ts';
import { type RootKeyView, rootKeyView } from './root-key-view.ts';

export interface RootKeyServiceDependencies extends RewrapDependencies {
  /**
   * Opens what is to wrap the root key by the settings as they are at that moment, and closes it after the work. Throws `StartError` for
   * settings or files that cannot be used.
   */
  readonly withNext: <T>(work: (next: NextWrapper) => Promise<T>) => Promise<T>;
}

/** What wraps the root key, shown and changed while everything runs. */
export class RootKeyService {
  readonly #dependencies: RootKeyServiceDependencies;
  #rewrapping: Promise<unknown> = Promise.resolve();

  constructor(dependencies: RootKeyServiceDependencies) {
    this.#dependencies = dependencies;
  }

  async status(grant: Grant): Promise<RootKeyView> {
    grant.use('root-key.read');
    const stored = await rootRecord(this.#dependencies.platform);
    if (stored === undefined) throw new KeyholdError('corrupt', 'The database does not keep the root key that Keyhold runs with. Stop Keyhold, and start it again.');
    return rootKeyView(stored.record);
  }

  /** Throws `invalid_argument` when what the settings name cannot be used, `unavailable` when it cannot be asked. One at a time. */
  async rewrap(grant: Grant): Promise<RootKeyView> {
    grant.use('root-key.rewrap');
    const rewrapping = this.#rewrapping.then(() => this.#rewrap());
    this.#rewrapping = rewrapping.catch(() => undefined);
    return rewrapping;
  }

  async #rewrap(): Promise<RootKeyView> {
    try {
      return rootKeyView(await this.#dependencies.withNext((next) => rewrapRootKey(next, this.#dependencies)));
    } catch (error) {
      if (error instanceof StartError) throw new KeyholdError('invalid_argument', `What is to wrap the root key cannot be used, and nothing was changed. ${error.message}`, { cause: error });
      throw asKeyholdError(error);
    }
  }
}
