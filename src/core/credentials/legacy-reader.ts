import { KeyholdError } from '../../ports/errors.ts';
import type { LegacyForm, SecretName } from '../../ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../ports/secret-value.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { openFernet } from '../crypto/legacy/fernet.ts';
import { isAuthenticated, type LegacyCipher, openLegacyText } from '../crypto/legacy/legacy-cipher.ts';
import { valueProblem } from './value-text.ts';

export interface LegacyReaderDependencies {
  /** null: no passphrase is given. */
  readonly cipher: LegacyCipher | null;
  /** Newest first. */
  readonly fernetKeys: readonly SecretValue[];
  readonly catalog: Catalog;
}

/** Opens what an earlier system has encrypted, of credentials whose reference is marked so and of no others (R3.4, S18). */
export class LegacyReader {
  readonly #cipher: LegacyCipher | null;
  readonly #fernetKeys: readonly SecretValue[];
  readonly #catalog: Catalog;

  constructor({ cipher, fernetKeys, catalog }: LegacyReaderDependencies) {
    this.#cipher = cipher;
    this.#fernetKeys = fernetKeys;
    this.#catalog = catalog;
  }

  /**
   * The plaintext of fields as they are kept. Throws `corrupt`, in the same words whatever is wrong with them, and `unavailable` where the setting that opens
   * them is not there: they are not gone.
   */
  async open(form: LegacyForm, { service }: SecretName, kept: SecretFields): Promise<SecretFields> {
    const opened = new Map<string, SecretValue>();
    for (const [field, value] of Object.entries(kept)) {
      const text = await this.#open(form, service, field, value.reveal());
      if (text !== undefined) opened.set(field, new SecretValue(text));
    }
    if (opened.size < Object.keys(kept).length) throw unreadable();
    return Object.fromEntries(opened);
  }

  /** Whether a value of this form that opens is known to be as it was written. */
  isAuthenticated(form: LegacyForm): boolean {
    return form === 'fernet' || (this.#cipher !== null && isAuthenticated(this.#cipher));
  }

  #open(form: LegacyForm, service: string, field: string, text: string): Promise<string | undefined> {
    if (form === 'cipher') {
      if (this.#cipher === null) throw notConfigured('KEYHOLD_LEGACY_KEY');
      return openLegacyText(this.#cipher, text, (plaintext) => this.#isPlausible(service, field, plaintext));
    }
    if (this.#fernetKeys.length === 0) throw notConfigured('KEYHOLD_FERNET_KEYS');
    return Promise.resolve(openFernet(this.#fernetKeys, text));
  }

  /** What the service gives out, by the catalogue; what could be a key at all where that has no format. */
  #isPlausible(service: string, field: string, plaintext: string): boolean {
    const format = this.#catalog.find(service)?.fields.find(({ name }) => name === field)?.format;
    const fits = format === undefined || new RegExp(format).test(plaintext);
    return valueProblem(plaintext) === undefined && fits;
  }
}

function unreadable(): KeyholdError {
  return new KeyholdError(
    'corrupt',
    'The value of this credential is encrypted by an earlier system, and could not be read with the settings that Keyhold has for it. An operator has to check them (docs/adoption.md), or the key has to be stored again with PUT.',
  );
}

function notConfigured(setting: string): KeyholdError {
  return new KeyholdError('unavailable', `The value of this credential is encrypted by an earlier system, and ${setting} is not set. An operator has to set it.`, { retryAfterSeconds: 60, outage: 'refused' });
}
