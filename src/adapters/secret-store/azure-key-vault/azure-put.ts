import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import { type PutIntent, type SecretName, StoreUntouched } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import type { KeptSecret, ReadSecret } from './kept-secret.ts';
import { afterRecovery, type NameChanges } from './name-changes.ts';
import { type FieldsDigest, isSamePut, isStrayBeside, provenOrigin } from './own-versions.ts';
import { checkedSecretName } from './secret-name.ts';
import { copyOf, originOf, type SecretToWrite, secretToWrite } from './secret-shape.ts';
import type { VaultSecrets } from './vault-secrets.ts';

export interface AzurePutDependencies {
  readonly secrets: VaultSecrets;
  readonly changes: NameChanges;
  readonly digest: FieldsDigest;
  readonly clock: Clock;
  readonly log: Log;
}

/** A put that is under way. */
interface Attempt {
  readonly name: SecretName;
  readonly inAzure: string;
  readonly intent: PutIntent;
  readonly secret: SecretToWrite;
  readonly expiresAt: number | null;
  /** The name was deleted and has been recovered for this put. */
  recovered: boolean;
}

/** What the name stands for before a write: `free`, with a version that a put that was given up left as the newest, or this very put. */
type Found = { readonly kind: 'free'; readonly hasStray: boolean } | { readonly kind: 'proven'; readonly version: string };

/**
 * Writing to Key Vault, which has no check-and-set: that there is one writer at a time the record sees to (its intent is compare-and-set). Here it is
 * looked at what lies there before, every version carries the intent's id and digest, and so a put is proven by what lies there afterwards
 * (docs/decisions/0006-writing-to-azure.md). The caller holds the name's turn.
 */
export class AzurePut {
  readonly #secrets: VaultSecrets;
  readonly #changes: NameChanges;
  readonly #digest: FieldsDigest;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ secrets, changes, digest, clock, log }: AzurePutDependencies) {
    this.#secrets = secrets;
    this.#changes = changes;
    this.#digest = digest;
    this.#clock = clock;
    this.#log = log;
  }

  /** The version that holds the fields now. */
  async put(name: SecretName, fields: SecretFields, intent: PutIntent, expiresAt: number | null): Promise<string> {
    const inAzure = checkedSecretName(name);
    const secret = secretToWrite(name, fields, intent, this.#clock.now());
    const attempt: Attempt = { name, inAzure, intent, secret, expiresAt, recovered: false };
    try {
      return await this.#changes.until(() => this.#try(attempt));
    } catch (error) {
      throw attempt.recovered ? afterRecovery(error) : error;
    }
  }

  /** The version that proves the put: it carries the intent's id, and its value has the intent's digest. */
  async probe(name: SecretName, { id, digest }: PutIntent): Promise<string | undefined> {
    const inAzure = checkedSecretName(name);
    for (const kept of await this.#secrets.versions(inAzure)) {
      if (!kept.enabled || originOf(kept)?.intent !== id || copyOf(kept) !== undefined) continue;
      const read = await this.#secrets.version(inAzure, kept.version);
      if (typeof read === 'object' && provenOrigin(name, read, this.#digest)?.digest === digest) return kept.version;
    }
    return undefined;
  }

  /** undefined while the name is on its way to the deleted ones, or back. */
  async #try(attempt: Attempt): Promise<string | undefined> {
    const { inAzure } = attempt;
    const found = await beforeWriting(this.#look(attempt));
    if (found.kind === 'proven') return found.version;
    // Back from the deleted ones: what was deleted is switched off before the name is in use again (S17).
    if (attempt.recovered) await this.#switchOff(inAzure);
    const written = await this.#write(attempt);
    if (typeof written === 'object') {
      if (found.hasStray) await this.#leaveOutStrays(attempt);
      return written.version;
    }
    if (written === 'deleted' && (await this.#changes.recover(inAzure))) attempt.recovered = true;
    return undefined;
  }

  async #write({ name, inAzure, intent, secret: { value, tags, contentType }, expiresAt }: Attempt): Promise<KeptSecret | 'deleted' | 'changing'> {
    try {
      return await this.#secrets.set(inAzure, value, { tags, contentType, expiresAt });
    } catch (error) {
      if (!isUncertain(error)) throw error;
      // The answer was lost. It is safe to write the same once more: both have the same intent and value, and count as one.
      try {
        const proven = await this.probe(name, intent);
        return proven === undefined ? await this.#secrets.set(inAzure, value, { tags, contentType, expiresAt }) : { version: proven, enabled: true, contentType, tags, createdAt: 0 };
      } catch {
        throw error;
      }
    }
  }

  /** Throws `conflict` where somebody has written what this put does not build on. */
  async #look({ name, inAzure, intent }: Attempt): Promise<Found> {
    const newest = await this.#secrets.newest(inAzure);
    if (newest === 'absent') return { kind: 'free', hasStray: false };
    if (newest === 'disabled') return this.#lookAtAll(inAzure, intent);
    if (newest.version === intent.cas) return { kind: 'free', hasStray: false };
    const origin = provenOrigin(name, newest, this.#digest);
    if (origin?.intent === intent.id && origin.digest === intent.digest) return { kind: 'proven', version: copyOf(newest) ?? newest.version };
    if (origin !== undefined && isStrayBeside(origin, intent)) return { kind: 'free', hasStray: true };
    if (await this.#isCopyOfBase(inAzure, newest, intent)) return { kind: 'free', hasStray: false };
    throw changedSince();
  }

  /** The newest one is switched off, so only the list tells whether something else is in use. */
  async #lookAtAll(inAzure: string, intent: PutIntent): Promise<Found> {
    const versions = await this.#secrets.versions(inAzure);
    const base = versions.find(({ version }) => version === intent.cas);
    const isInTheWay = (kept: KeptSecret): boolean => {
      if (!kept.enabled || (base !== undefined && isSamePut(kept, base))) return false;
      const origin = originOf(kept);
      if (origin !== undefined && origin.base === intent.cas) return !isStrayBeside(origin, intent);
      return base === undefined || (origin === undefined && kept.createdAt > base.createdAt);
    };
    if (versions.some(isInTheWay)) throw changedSince();
    return { kind: 'free', hasStray: false };
  }

  async #isCopyOfBase(inAzure: string, newest: ReadSecret, { cas }: PutIntent): Promise<boolean> {
    if (cas === null) return false;
    const base = await this.#secrets.version(inAzure, cas);
    return typeof base === 'object' && isSamePut(newest, base) && newest.value === base.value;
  }

  async #switchOff(inAzure: string): Promise<void> {
    for (const { version, enabled } of await this.#secrets.versions(inAzure)) {
      if (enabled) await this.#secrets.disable(inAzure, version);
    }
  }

  /** Nobody may use what puts left that were given up; the new version is in its place already. One put can have left several, where its answer was lost. */
  async #leaveOutStrays({ inAzure, intent }: Attempt): Promise<void> {
    try {
      for (const kept of await this.#secrets.versions(inAzure)) {
        const origin = originOf(kept);
        if (!kept.enabled || origin === undefined || origin.intent === intent.id || !isStrayBeside(origin, intent)) continue;
        await this.#secrets.disable(inAzure, kept.version);
      }
    } catch (error) {
      this.#log.warn('credential_value_left', 'A value that arrived too late to be used could not be switched off in Azure Key Vault', { name: inAzure, error });
    }
  }
}

/** While nothing has been written, a call without an answer leaves nothing behind. */
async function beforeWriting<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KeyholdError) || !isUncertain(error)) throw error;
    throw new StoreUntouched(error.publicMessage, { cause: error, ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }) });
  }
}

function isUncertain(error: unknown): boolean {
  return error instanceof KeyholdError && error.code === 'unavailable' && !(error instanceof StoreUntouched);
}

function changedSince(): KeyholdError {
  return new KeyholdError('conflict', 'Azure Key Vault holds another version than the one this write builds on: somebody else has written it. Nothing was changed. Look at the credential, then send it again.');
}
