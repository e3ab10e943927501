import type { ProviderSession, SessionHolder, SessionRecord, SessionRepository } from '../../../ports/metadata/sessions.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { holderText, providerText } from '../session-places.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { type Asked, CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { orderedText } from './ordered-text.ts';
import type { RecordKind } from './record-place.ts';

const KIND = 'session';

/** Each in a partition of its own, as tokens are. `owner` is its holder, `service` the session at a provider, `due` when its time is over. */
export const sessions: RecordKind<{ readonly id: string }, SessionRecord> = {
  kind: KIND,
  partsOf: ({ id }) => [id],
  partitionOf: ({ id }) => [KIND, id],
  indexOf: ({ id }, { holder, provider, expiresAt }) => ({ owner: holderText(holder), ...(provider === null ? {} : { service: providerText(provider) }), due: orderedText([KIND, expiresAt, id]) }),
};

/** Sessions in Cosmos DB. */
export class CosmosSessions extends CosmosRecords<{ readonly id: string }, SessionRecord> implements SessionRepository {
  readonly #ofHolder: CosmosList;
  readonly #ofProvider: CosmosList;
  readonly #expired: CosmosList;

  constructor(items: CosmosItems) {
    super(items, sessions);
    const byId = { kind: KIND, shape: ['string'], placeOf: partsOf } as const;
    this.#ofHolder = new CosmosList(items, { name: 'sessions-of-holder', ...byId, where: ['c.owner = @owner'] });
    this.#ofProvider = new CosmosList(items, { name: 'sessions-of-provider', ...byId, where: ['c.service = @service'] });
    this.#expired = new CosmosList(items, {
      name: 'expired-sessions',
      kind: KIND,
      property: 'due',
      shape: ['number', 'string'],
      placeOf: (item) => [this.stored(item).record.expiresAt, ...partsOf(item)],
    });
  }

  listOf(holder: Pick<SessionHolder, 'kind' | 'id'>, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#ofHolder, { given: { owner: holderText(holder) } }, page);
  }

  listOfProvider(session: ProviderSession, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#ofProvider, { given: { service: providerText(session) } }, page);
  }

  expired(before: number, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    return this.#page(this.#expired, { to: [before] }, page);
  }

  async #page(list: CosmosList, asked: Asked, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const { items, next } = await list.page(asked, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}
