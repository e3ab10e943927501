import type { CredentialKey, CredentialMaintenance, CredentialRecord, CredentialRepository } from '../../../ports/metadata/credentials.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeFrom, scopeKey } from '../../../ports/scope.ts';
import { dueSince } from '../credential-due.ts';
import type { Place } from '../paging.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { type KeptItem, unreadable } from './item.ts';
import { orderedText } from './ordered-text.ts';
import { partitionKey, type RecordKind } from './record-place.ts';

const KIND = 'credential';

/** A scope's credentials are together in its partition. `due` is when the reconciler is first needed, and only there where it is. */
export const credentials: RecordKind<CredentialKey, CredentialRecord> = {
  kind: KIND,
  partsOf: ({ scope, service, label }) => [scopeKey(scope), service, label],
  partitionOf: ({ scope }) => [scopeKey(scope)],
  orderOf: ({ service, label }) => [service, label],
  indexOf: ({ scope, service, label }, record) => {
    const due = dueSince(record);
    return { service, ...(due === null ? {} : { due: orderedText([KIND, due, scopeKey(scope), service, label]) }) };
  },
};

/** Credentials in Cosmos DB; both the tenants' view and the jobs' view of the same items. */
export class CosmosCredentials extends CosmosRecords<CredentialKey, CredentialRecord> implements CredentialRepository, CredentialMaintenance {
  readonly #list: CosmosList;
  readonly #ofService: CosmosList;
  readonly #due: CosmosList;

  constructor(items: CosmosItems) {
    super(items, credentials);
    const shape = ['string', 'string'] as const;
    this.#list = new CosmosList(items, { name: 'credentials', kind: KIND, shape, placeOf: (item) => keyParts(item).slice(1) });
    this.#ofService = new CosmosList(items, { name: 'service-credentials', kind: KIND, shape, placeOf: (item) => keyParts(item).slice(1), where: ['c.service = @service'] });
    this.#due = new CosmosList(items, {
      name: 'due-credentials',
      kind: KIND,
      property: 'due',
      shape: ['number', 'string', 'string', 'string'],
      placeOf: (item) => [dueSince(this.stored(item).record) ?? 0, ...keyParts(item)],
    });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<CredentialRecord>>> {
    const { items, next } = await this.#list.page({ pk: partitionKey([scopeKey(scope)]) }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }

  async listService(scope: Scope, service: string): Promise<readonly Stored<CredentialRecord>[]> {
    const items = await this.#ofService.all({ pk: partitionKey([scopeKey(scope)]), given: { service } });
    return items.map((item) => this.stored(item));
  }

  async dueForReconciling(now: number, page: PageRequest): Promise<Page<CredentialKey>> {
    const { items, next } = await this.#due.page({ to: [now] }, page);
    return { items: items.map(keyOf), next };
  }
}

function keyParts(item: KeptItem): Place {
  const parts = partsOf(item);
  if (parts.length !== 3) throw unreadable('its key is none of a credential');
  return parts;
}

function keyOf(item: KeptItem): CredentialKey {
  const [scope = '', service = '', label = ''] = keyParts(item).map(String);
  return { scope: scopeFrom(scope), service, label };
}
