import { KeyholdError } from '../../../ports/errors.ts';
import type { Repository, Stored } from '../../../ports/metadata/stored.ts';
import { StoredText } from '../stored-text.ts';
import type { CosmosItems, Draft } from './cosmos-items.ts';
import { type KeptItem, unreadable } from './item.ts';
import { orderedText } from './ordered-text.ts';
import { type ItemPlace, itemPlace, type RecordKind } from './record-place.ts';

/** The rule of `Repository` in Cosmos DB: every write creates one item, or replaces one that has not changed since it was read. A removed record leaves its item, without a body, so that revisions go on. */
export class CosmosRecords<K, R extends object> implements Repository<K, R> {
  protected readonly items: CosmosItems;
  readonly #kind: RecordKind<K, R>;
  readonly #text = new StoredText<R>();

  constructor(items: CosmosItems, kind: RecordKind<K, R>) {
    this.items = items;
    this.#kind = kind;
  }

  async get(key: K): Promise<Stored<R> | undefined> {
    const item = await this.#read(this.#placeOf(key));
    return item === undefined || item.removed ? undefined : this.stored(item);
  }

  async create(key: K, record: R): Promise<Stored<R>> {
    const place = this.#placeOf(key);
    const body = this.#text.write(record);
    const draft = this.#draft(place, key, record, body, 1);
    if ((await this.items.create(draft)) === 'done') return { record: this.#text.read(body), revision: 1 };
    const found = await this.#read(place);
    if (found?.removed !== true) throw new KeyholdError('already_exists', 'There is such a record already.');
    const revision = found.revision + 1;
    if ((await this.items.replace({ ...draft, revision }, found)) !== 'done') throw new KeyholdError('already_exists', 'There is such a record already.');
    return { record: this.#text.read(body), revision };
  }

  async replace(key: K, record: R, revision: number): Promise<Stored<R>> {
    const place = this.#placeOf(key);
    const body = this.#text.write(record);
    const found = await this.#ofRevision(place, revision);
    if ((await this.items.replace(this.#draft(place, key, record, body, revision + 1), found)) !== 'done') throw changedMeanwhile();
    return { record: this.#text.read(body), revision: revision + 1 };
  }

  async remove(key: K, revision: number): Promise<void> {
    const place = this.#placeOf(key);
    const found = await this.#ofRevision(place, revision);
    if ((await this.items.replace(this.#tombstone(place, revision + 1), found)) !== 'done') throw changedMeanwhile();
  }

  /** Keeps a record as another database had it, `body` null where it was removed there; what is here already under its key stays. */
  async keep(key: K, revision: number, body: string | null): Promise<void> {
    const place = this.#placeOf(key);
    await this.items.create(body === null ? this.#tombstone(place, revision) : this.#draft(place, key, this.#text.read(body), body, revision));
  }

  /** The record of an item that is not removed. */
  protected stored(item: KeptItem): Stored<R> {
    if (item.body === null) throw unreadable('it has no body');
    return { record: this.#text.read(item.body), revision: item.revision };
  }

  #placeOf(key: K): ItemPlace {
    const { kind, partitionOf, partsOf } = this.#kind;
    return itemPlace(kind, partitionOf(key), partsOf(key));
  }

  async #read({ pk, id, key }: ItemPlace): Promise<KeptItem | undefined> {
    const item = await this.items.read(pk, id);
    if (item !== undefined && item.key !== key) throw unreadable('it is of another key');
    return item;
  }

  /**
   * What the caller's write builds on. Who knows of a revision that is newer than what is read may have it from another replica, which Cosmos DB has not yet
   * told ours of: then what is read is made as new as now before anything is decided.
   */
  async #ofRevision(place: ItemPlace, revision: number): Promise<KeptItem> {
    let found = await this.#read(place);
    if (found === undefined || found.revision < revision) {
      await this.items.catchUp(place.pk);
      found = await this.#read(place);
    }
    if (found === undefined || found.removed || found.revision !== revision) throw changedMeanwhile();
    return found;
  }

  #tombstone({ pk, id, key }: ItemPlace, revision: number): Draft {
    return { pk, id, key, kind: this.#kind.kind, revision, body: null, removed: true, index: {} };
  }

  #draft({ pk, id, key }: ItemPlace, ofKey: K, record: R, body: string, revision: number): Draft {
    const { kind, partsOf, orderOf = partsOf, indexOf } = this.#kind;
    return { pk, id, key, kind, revision, body, removed: false, index: { ...indexOf?.(ofKey, record), sort: orderedText([kind, ...orderOf(ofKey, record)]) } };
  }
}

function changedMeanwhile(): KeyholdError {
  return new KeyholdError('conflict', 'The record was changed by someone else in the meantime.');
}
