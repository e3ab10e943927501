import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, FieldHint, SettingValue } from '../../ports/metadata/credentials.ts';
import { type LegacyForm, type SecretReference, secretNameText, type StoreKind } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Service } from '../catalog/service.ts';
import { textsOf } from '../credentials/fields-text.ts';
import { handOver } from '../credentials/hand-over.ts';
import type { LegacyReader } from '../credentials/legacy-reader.ts';
import type { MayReach } from '../credentials/registered-address.ts';
import { checkSettings } from '../credentials/settings.ts';
import type { Stores } from '../credentials/store-errors.ts';
import { storedInWords } from '../credentials/stored-in.ts';
import { looksLikeFernet } from '../crypto/legacy/fernet.ts';
import { looksLikeLegacyText } from '../crypto/legacy/legacy-text.ts';
import type { AdoptionRequest, AdoptionSource } from './adoption-request.ts';

/** What there is to adopt, after every check that needs no record. */
export interface Finding {
  readonly storedIn: StoreKind;
  readonly place: string | null;
  readonly form: LegacyForm | undefined;
  readonly authenticated: boolean;
  /** Where it lies already, or the fields as an earlier system has encrypted them, which are to be kept so. */
  readonly value: { readonly reference: SecretReference } | { readonly kept: SecretFields; readonly form: LegacyForm };
  /** undefined: not read. */
  readonly plaintext: SecretFields | undefined;
  readonly hints: readonly FieldHint[];
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly warnings: readonly string[];
}

export interface FinderDependencies {
  readonly catalog: Catalog;
  readonly stores: Stores;
  readonly legacy: LegacyReader;
  readonly mayReach: MayReach;
}

/** Looks at what is to be adopted. Throws `not_found`, `invalid_argument`, `corrupt` or `unavailable`, each with what to do. */
export class Finder {
  readonly #catalog: Catalog;
  readonly #stores: Stores;
  readonly #legacy: LegacyReader;
  readonly #mayReach: MayReach;

  constructor({ catalog, stores, legacy, mayReach }: FinderDependencies) {
    this.#catalog = catalog;
    this.#stores = stores;
    this.#legacy = legacy;
    this.#mayReach = mayReach;
  }

  async find(key: CredentialKey, { source, settings = {}, read }: AdoptionRequest): Promise<Finding> {
    const service = this.#catalog.get(key.service);
    const checked = checkSettings(service, settings, this.#mayReach);
    const found = source.kind === 'value' ? await this.#value(service, key, source, read) : await this.#place(key, source, read);
    const { form, plaintext } = found;
    const handedOver = plaintext === undefined ? { hints: requiredFields(service), warnings: [] } : handOver(service, textsOf(plaintext));
    return {
      ...found,
      authenticated: form === undefined || this.#legacy.isAuthenticated(form),
      hints: handedOver.hints,
      settings: checked,
      warnings: handedOver.warnings,
    };
  }

  async #value(service: Service, key: CredentialKey, { form, text }: Extract<AdoptionSource, { kind: 'value' }>, read: boolean) {
    const fields = requiredFields(service);
    const [field] = fields;
    if (field === undefined || fields.length > 1) {
      throw new KeyholdError('invalid_argument', `A credential for ${service.id} has several fields (${fields.map(({ name }) => name).join(', ')}), and one encrypted value holds one. Store it with PUT.`);
    }
    const fits = form === 'fernet' ? looksLikeFernet(text.reveal()) : looksLikeLegacyText(text.reveal());
    if (!fits) throw new KeyholdError('invalid_argument', `The value is no ${form === 'fernet' ? 'Fernet token' : 'legacy value iv:salt:ciphertext'}.`);
    const kept: SecretFields = { [field.name]: text };
    const plaintext = read ? await this.#legacy.open(form, key, kept) : undefined;
    return { storedIn: 'sealed' as const, place: null, form, value: { kept, form }, plaintext };
  }

  async #place(key: CredentialKey, { store: kind, place: believed, form: given }: Extract<AdoptionSource, { kind: 'place' }>, read: boolean) {
    const store = this.#stores(kind);
    const { message } = storedInWords[kind];
    if (store === undefined) throw new KeyholdError('invalid_argument', `${message} is not switched on here, so nothing in it can be adopted. An operator has to configure it first.`);
    if (store.newest === undefined || store.place === undefined) {
      throw new KeyholdError('invalid_argument', `Nothing can be adopted from ${message}: only Keyhold writes there. Adopt from HashiCorp Vault or Azure Key Vault.`);
    }
    const place = store.place(key);
    // Azure compares names without case, and in Vault's paths upper case is never ours.
    if (believed !== undefined && believed.toLowerCase() !== place.toLowerCase()) {
      throw new KeyholdError('invalid_argument', `In ${message} the key of ${secretNameText(key)} lies at ${place}, and another name was given. Copy it there, or store the key with PUT.`);
    }
    const newest = await store.newest(key);
    if (newest === undefined) throw new KeyholdError('not_found', `There is nothing at ${place} in ${message}, or it is deleted there.`);
    const raw = read ? await store.get(newest) : undefined;
    const form = given === 'plain' ? undefined : (given ?? formOf(raw));
    const reference: SecretReference = form === undefined ? newest : { ...newest, legacy: form };
    const plaintext = raw === undefined || form === undefined ? raw : await store.get(reference);
    return { storedIn: kind, place, form, value: { reference }, plaintext };
  }
}

/** What has not been read is taken as it lies there. */
function formOf(raw: SecretFields | undefined): LegacyForm | undefined {
  const values = Object.values(raw ?? {});
  return values.length > 0 && values.every((value) => looksLikeFernet(value.reveal())) ? 'fernet' : undefined;
}

function requiredFields({ fields }: Service): readonly FieldHint[] {
  return fields.filter(({ required }) => required).map(({ name }) => ({ name, hint: '' }));
}
