import { asKeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Page, Stored } from '../../ports/metadata/stored.ts';
import type { Scope } from '../../ports/scope.ts';
import type { DataKey } from '../crypto/data-keys.ts';
import type { DataKeyUser, ResealedPage } from './reseal-values.ts';

const PAGE = 100;

/**
 * Values that were sealed before a vault got them (R3.6). Sealing one again takes a new version in the vault, so that it is only marked here, as one
 * that has to be written to its store: the reconciler does that. Until then, and while the old version is not destroyed there, its key is in use.
 */
export class SealedReferences implements DataKeyUser {
  readonly #credentials: CredentialRepository;

  constructor(credentials: CredentialRepository) {
    this.#credentials = credentials;
  }

  async reseal(scope: Scope, to: DataKey, after: string | undefined): Promise<ResealedPage> {
    const page = await this.#credentials.list(scope, { limit: PAGE, after });
    let waiting = 0;
    for (const stored of page.items) if (await this.#mark(stored, to)) waiting += 1;
    return { resealed: 0, waiting, unreadable: 0, next: page.next };
  }

  async keysInUse(scope: Scope): Promise<ReadonlySet<string>> {
    const used = new Set<string>();
    let after: string | undefined;
    do {
      const page: Page<Stored<CredentialRecord>> = await this.#credentials.list(scope, { limit: 1000, after });
      for (const { record } of page.items) for (const id of keysOf(record)) used.add(id);
      after = page.next;
    } while (after !== undefined);
    return used;
  }

  async #mark({ record, revision }: Stored<CredentialRecord>, to: DataKey): Promise<boolean> {
    const { scope, service, label, state, current, intent } = record;
    const sealed = current?.reference.sealed;
    if (current === null || sealed === undefined || sealed.dataKeyId === to.id || state !== 'active' || intent !== null) return false;
    if (current.home !== undefined) return true;
    const key: CredentialKey = { scope, service, label };
    try {
      await this.#credentials.replace(key, { ...record, current: { ...current, home: current.reference.store } }, revision);
      return true;
    } catch (error) {
      // Who changes it now is writing it anew, or is seen by the second pass.
      if (asKeyholdError(error).code === 'conflict') return false;
      throw error;
    }
  }
}

/** Every key that the record may still need: of the live version, of those that leave use, and of a write that is under way. */
function keysOf({ current, retired, intent }: CredentialRecord): readonly string[] {
  const references = [current?.reference, ...retired.map(({ reference }) => reference)];
  const owed = intent?.owed;
  return [...references.map((reference) => reference?.sealed?.dataKeyId), intent?.sealedUnder, owed?.sealedUnder].filter((id) => id !== undefined);
}
