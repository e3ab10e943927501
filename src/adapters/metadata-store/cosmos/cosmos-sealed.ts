import type { DataKeyKey, DataKeyRecord, DataKeyRepository, SealedValueKey, SealedValueRecord, SealedValueRepository } from '../../../ports/metadata/sealed.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { type KeptItem, unreadable } from './item.ts';
import { partitionKey, type RecordKind } from './record-place.ts';

/** The body holds sealed envelopes, never a value in the clear. */
export const sealedValues: RecordKind<SealedValueKey, SealedValueRecord> = {
  kind: 'sealed-value',
  partsOf: ({ scope, service, label, version }) => [scopeKey(scope), service, label, version],
  partitionOf: ({ scope }) => [scopeKey(scope)],
  orderOf: ({ service, label, version }) => [service, label, version],
};

export const dataKeys: RecordKind<DataKeyKey, DataKeyRecord> = {
  kind: 'data-key',
  partsOf: ({ scope, id }) => [scopeKey(scope), id],
  partitionOf: ({ scope }) => [scopeKey(scope)],
  orderOf: ({ id }, { createdAt }) => [createdAt, id],
};

/** Sealed values in Cosmos DB. */
export class CosmosSealedValues extends CosmosRecords<SealedValueKey, SealedValueRecord> implements SealedValueRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, sealedValues);
    this.#list = new CosmosList(items, { name: 'sealed-values', kind: sealedValues.kind, shape: ['string', 'string', 'number'], placeOf: (item) => partsOf(item).slice(1) });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<SealedValueRecord> & { readonly key: SealedValueKey }>> {
    const { items, next } = await this.#list.page({ pk: partitionKey([scopeKey(scope)]) }, page);
    return { items: items.map((item) => ({ key: keyOf(scope, item), ...this.stored(item) })), next };
  }
}

/** Data keys in Cosmos DB, wrapped. */
export class CosmosDataKeys extends CosmosRecords<DataKeyKey, DataKeyRecord> implements DataKeyRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, dataKeys);
    this.#list = new CosmosList(items, { name: 'data-keys', kind: dataKeys.kind, shape: ['number', 'string'], placeOf: (item) => [this.stored(item).record.createdAt, idOf(item)] });
  }

  async list(scope: Scope): Promise<readonly (Stored<DataKeyRecord> & { readonly id: string })[]> {
    const items = await this.#list.all({ pk: partitionKey([scopeKey(scope)]) });
    return items.map((item) => ({ id: idOf(item), ...this.stored(item) }));
  }
}

function idOf(item: KeptItem): string {
  return String(partsOf(item)[1]);
}

function keyOf(scope: Scope, item: KeptItem): SealedValueKey {
  const [, service, label, version] = partsOf(item);
  if (typeof version !== 'number') throw unreadable('its key is none of a sealed value');
  return { scope, service: String(service), label: String(label), version };
}
