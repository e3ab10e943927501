import type { CredentialKey, SettingValue } from '../../ports/metadata/credentials.ts';
import type { Log, LogFields } from '../../ports/log.ts';
import { kindOf, type SecretReference, type StoreId } from '../../ports/secret-store.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { Service } from '../catalog/service.ts';
import { storedInWords } from './stored-in.ts';

/** Who brought a change about; `requestId` is null where no request did. */
export interface Author {
  readonly id: string;
  readonly requestId: string | null;
}

type Settings = Readonly<Record<string, SettingValue>>;

/** Tells the outside that a key came or went (R3.8), once it did. The documented names are those of tenants' AI credentials. */
export class CredentialEvents {
  readonly #log: Log;
  readonly #catalog: Catalog;

  constructor({ log, catalog }: { readonly log: Log; readonly catalog: Catalog }) {
    this.#log = log;
    this.#catalog = catalog;
  }

  added(key: CredentialKey, store: StoreId, by: Author): void {
    this.#log.info(`${this.#subject(key)}.added`, 'A credential was stored', {
      ...subjectFields(key),
      requestId: by.requestId ?? undefined,
      addedBy: by.id,
      storedIn: storedInWords[kindOf(store)].event,
    });
  }

  /** Says so where a key goes to another address than the one before (S3). Nothing of an address is secret. */
  sentElsewhere(key: CredentialKey, { settings }: Service, { from, to }: { readonly from: Settings | undefined; readonly to: Settings }, by: Author): void {
    for (const { name, kind } of settings) {
      if (kind !== 'https-url' || from?.[name] === to[name]) continue;
      this.#log.info('credential_address_registered', 'A key is sent to another address from now on', { ...subjectFields(key), requestId: by.requestId ?? undefined, addedBy: by.id, address: hostOf(to[name]) });
    }
  }

  removed(key: CredentialKey, store: StoreId, by: Author): void {
    this.#log.info(`${this.#subject(key)}.removed`, 'A credential was taken out of use', {
      ...subjectFields(key),
      requestId: by.requestId ?? undefined,
      removedBy: by.id,
      removedFrom: storedInWords[kindOf(store)].event,
    });
  }

  /** Where its value lies now, and where it lay; the key is the same. */
  moved(key: CredentialKey, from: StoreId, to: StoreId): void {
    if (from === to) {
      this.#log.info('credential_rewritten', `A credential's value was written anew into ${storedInWords[kindOf(to)].message}, as it is to be kept there`, { ...subjectFields(key), storedIn: storedInWords[kindOf(to)].event });
      return;
    }
    this.#log.info('credential_moved', `A credential's value was moved to ${storedInWords[kindOf(to)].message}`, {
      ...subjectFields(key),
      storedIn: storedInWords[kindOf(to)].event,
      removedFrom: storedInWords[kindOf(from)].event,
    });
  }

  #subject({ scope, service }: CredentialKey): string {
    if (scope.kind === 'platform') return 'platform-credentials';
    const known = this.#catalog.find(service);
    return known !== undefined && isAiService(known) ? 'tenant-ai-credentials' : 'tenant-credentials';
  }
}

function hostOf(address: SettingValue | undefined): string | undefined {
  return typeof address === 'string' ? URL.parse(address)?.host : undefined;
}

/** What is told of a version that somebody wrote past Keyhold: its own version, and where. */
export function outsideChangeFields(key: CredentialKey, { store, version }: SecretReference): LogFields {
  return { ...subjectFields(key), version, storedIn: storedInWords[kindOf(store)].event };
}

/** Whose credential for what, in the words of the log. */
export function subjectFields({ scope, service, label }: CredentialKey): { readonly tenantId?: string; readonly provider: string; readonly label: string } {
  return { ...(scope.kind === 'tenant' ? { tenantId: scope.tenant } : {}), provider: service, label };
}
