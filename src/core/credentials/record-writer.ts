import type { Bus } from '../../ports/bus.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../ports/scope.ts';

/** Other writers of one record are few and brief; who loses this often in a row meets a loop, not bad luck. */
const ATTEMPTS = 10;

/** Conditional writes of credential records, and the announcement that makes every cache read them again. */
export class RecordWriter {
  readonly #records: CredentialRepository;
  readonly #bus: Bus;

  constructor({ records, bus }: { readonly records: CredentialRepository; readonly bus: Bus }) {
    this.#records = records;
    this.#bus = bus;
  }

  get(key: CredentialKey): Promise<Stored<CredentialRecord> | undefined> {
    return this.#records.get(key);
  }

  list(scope: Scope, page: PageRequest): Promise<Page<Stored<CredentialRecord>>> {
    return this.#records.list(scope, page);
  }

  /** Writes over exactly what was read; `conflict` when somebody else wrote first. */
  async write(key: CredentialKey, before: Stored<CredentialRecord> | undefined, record: CredentialRecord): Promise<Stored<CredentialRecord>> {
    try {
      return before === undefined ? await this.#records.create(key, record) : await this.#records.replace(key, record, before.revision);
    } catch (error) {
      const { code } = asKeyholdError(error);
      if (code === 'conflict' || code === 'already_exists') throw busy(error);
      // The write may have happened although its answer was lost: nobody goes on with what was cached before.
      if (before !== undefined) await this.announce(key, before);
      throw error;
    }
  }

  /**
   * Changes the record as it is now, repeated while others get in between. `decide` gives the new record, or undefined to leave it;
   * it may throw. Returns the record as it is afterwards; throws `not_found` where there is none.
   */
  async change(key: CredentialKey, decide: (record: CredentialRecord) => CredentialRecord | undefined): Promise<Stored<CredentialRecord>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = await this.#records.get(key);
      if (before === undefined) throw noCredential(key);
      const record = decide(before.record);
      if (record === undefined) return before;
      try {
        return await this.write(key, before, record);
      } catch (error) {
        if (asKeyholdError(error).code !== 'conflict') throw error;
      }
    }
    throw busy();
  }

  /** Resolves when this process no longer uses anything older. */
  announce({ scope, service, label }: CredentialKey, { revision }: { readonly revision: number }): Promise<void> {
    return this.#bus.publish({ topic: 'credential', scopeKey: scopeKey(scope), service, label, version: revision });
  }
}

/** R0.3: another write of the same credential is open; nothing was changed. */
export function busy(cause?: unknown): KeyholdError {
  return new KeyholdError('conflict', 'Another write of this credential is under way. Nothing was changed; send the request again in a few seconds.', { cause });
}

export function noCredential({ scope, service, label }: CredentialKey): KeyholdError {
  const owner = scope.kind === 'platform' ? 'The platform' : `Tenant ${scope.tenant}`;
  const labelled = label === 'default' ? '' : ` with the label ${label}`;
  return new KeyholdError('not_found', `${owner} has no credential for ${service}${labelled}.`);
}
