import type { ProviderSession, SessionHolder, SessionRecord, SessionRepository } from '../../../ports/metadata/sessions.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { holderText, providerText } from '../session-places.ts';
import { type Entry, type ListOf, RecordMap, storedOnly } from './record-map.ts';

interface Id {
  readonly id: string;
}

const byId = { shape: ['string'], placeOf: ({ key }: Entry<Id, SessionRecord>) => [key.id] } as const;

/** Sessions in memory. */
export class MemorySessions extends RecordMap<Id, SessionRecord> implements SessionRepository {
  constructor() {
    super(({ id }) => [id]);
  }

  listOf(holder: Pick<SessionHolder, 'kind' | 'id'>, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const given = holderText(holder);
    return this.#page({ name: 'sessions-of-holder', ...byId, given: [given], holds: ({ record }) => holderText(record.holder) === given }, page);
  }

  listOfProvider(session: ProviderSession, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const given = providerText(session);
    return this.#page({ name: 'sessions-of-provider', ...byId, given: [given], holds: ({ record }) => record.provider !== null && providerText(record.provider) === given }, page);
  }

  expired(before: number, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const holds = ({ record }: Entry<Id, SessionRecord>): boolean => record.expiresAt <= before;
    return this.#page({ name: 'expired-sessions', shape: ['number', 'string'], placeOf: ({ key, record }) => [record.expiresAt, key.id], given: [], holds }, page);
  }

  async #page(list: ListOf<Id, SessionRecord>, page: PageRequest): Promise<Page<Stored<SessionRecord>>> {
    const { items, next } = this.page(list, page);
    return { items: items.map(storedOnly), next };
  }
}
