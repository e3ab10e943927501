import type { GatewayKeyRecord, GatewayKeyRepository, TokenRecord, TokenRepository } from '../../../ports/metadata/access.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import type { RecordKind } from './record-place.ts';

interface Id {
  readonly id: string;
}

/** Whoever signs in names the id alone, so each has a partition of its own: sign-ins are one read each, spread over all of the database. */
export const tokens: RecordKind<Id, TokenRecord> = {
  kind: 'token',
  partsOf: ({ id }) => [id],
  partitionOf: ({ id }) => ['token', id],
  indexOf: (_key, { scope }) => ({ owner: scopeKey(scope) }),
};

export const gatewayKeys: RecordKind<Id, GatewayKeyRecord> = {
  kind: 'gateway-key',
  partsOf: ({ id }) => [id],
  partitionOf: ({ id }) => ['gateway-key', id],
  indexOf: (_key, { tenant }) => ({ owner: tenant }),
};

const byId = { shape: ['string'], placeOf: partsOf, where: ['c.owner = @owner'] } as const;

/** Tokens in Cosmos DB; the body holds digests, never a token. */
export class CosmosTokens extends CosmosRecords<Id, TokenRecord> implements TokenRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, tokens);
    this.#list = new CosmosList(items, { name: 'tokens', kind: tokens.kind, ...byId });
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<TokenRecord>>> {
    const { items, next } = await this.#list.page({ given: { owner: scopeKey(scope) } }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}

/** Gateway keys in Cosmos DB; the body holds digests, never a key. */
export class CosmosGatewayKeys extends CosmosRecords<Id, GatewayKeyRecord> implements GatewayKeyRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, gatewayKeys);
    this.#list = new CosmosList(items, { name: 'gateway-keys', kind: gatewayKeys.kind, ...byId });
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<GatewayKeyRecord>>> {
    const { items, next } = await this.#list.page({ given: { owner: tenant } }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}
