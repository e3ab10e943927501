import { KeyholdError } from '../../../ports/errors.ts';
import type { Page, PageRequest, Repository, Stored } from '../../../ports/metadata/stored.ts';
import { pageFrom, pageStart, type Place } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';

interface Row<K> {
  readonly key: K;
  /** undefined: removed. The row stays, so that revisions go on when the key is used again. */
  readonly text: string | undefined;
  readonly revision: number;
}

/** A record with its key, as lists need it. */
export interface Entry<K, R> extends Stored<R> {
  readonly key: K;
}

/** What makes a list of a map's records. */
export interface ListOf<K, R> {
  readonly name: string;
  /** Types of the parts of a place. */
  readonly shape: readonly ('string' | 'number')[];
  readonly placeOf: (entry: Entry<K, R>) => Place;
  /** The caller's texts that `holds` compares with. */
  readonly given: readonly string[];
  readonly holds: (entry: Entry<K, R>) => boolean;
  readonly newestFirst?: boolean;
}

/** One kind of record in memory, kept as JSON text so that nobody shares an object with the store. */
export class RecordMap<K, R extends object> implements Repository<K, R> {
  readonly #rows = new Map<string, Row<K>>();
  readonly #text = new StoredText<R>();
  readonly #partsOf: (key: K) => Place;

  /** `partsOf` gives all parts of a key; two keys are the same when all parts are. */
  constructor(partsOf: (key: K) => Place) {
    this.#partsOf = partsOf;
  }

  async get(key: K): Promise<Stored<R> | undefined> {
    const row = this.#rows.get(this.#nameOf(key));
    return row?.text === undefined ? undefined : { record: this.#text.read(row.text), revision: row.revision };
  }

  async create(key: K, record: R): Promise<Stored<R>> {
    const name = this.#nameOf(key);
    const row = this.#rows.get(name);
    const text = this.#text.write(record);
    if (row?.text !== undefined) throw new KeyholdError('already_exists', 'There is such a record already.');
    return this.#keep(name, key, text, (row?.revision ?? 0) + 1);
  }

  async replace(key: K, record: R, revision: number): Promise<Stored<R>> {
    const name = this.#nameOf(key);
    const text = this.#text.write(record);
    this.#requireRevision(name, revision);
    return this.#keep(name, key, text, revision + 1);
  }

  async remove(key: K, revision: number): Promise<void> {
    const name = this.#nameOf(key);
    this.#requireRevision(name, revision);
    this.#rows.set(name, { key, text: undefined, revision: revision + 1 });
  }

  /** All records that the list holds, in its order. */
  all(list: Omit<ListOf<K, R>, 'name' | 'shape'>): readonly Entry<K, R>[] {
    requireStorable(list.given);
    const entries: Entry<K, R>[] = [];
    for (const { key, text, revision } of this.#rows.values()) {
      if (text === undefined) continue;
      const entry: Entry<K, R> = { key: structuredClone(key), record: this.#text.read(text), revision };
      if (list.holds(entry)) entries.push(entry);
    }
    const direction = list.newestFirst === true ? -1 : 1;
    return entries.sort((a, b) => direction * comparePlaces(list.placeOf(a), list.placeOf(b)));
  }

  page(list: ListOf<K, R>, page: PageRequest): Page<Entry<K, R>> {
    const start = pageStart(list.name, list.shape, page);
    const direction = list.newestFirst === true ? -1 : 1;
    const rest = this.all(list).filter((entry) => start === undefined || direction * comparePlaces(list.placeOf(entry), start) > 0);
    return pageFrom(list.name, rest, page.limit, list.placeOf);
  }

  #nameOf(key: K): string {
    const parts = this.#partsOf(key);
    requireStorable(parts);
    return JSON.stringify(parts);
  }

  #requireRevision(name: string, revision: number): void {
    const row = this.#rows.get(name);
    if (row?.text === undefined || row.revision !== revision) {
      throw new KeyholdError('conflict', 'The record was changed by someone else in the meantime.');
    }
  }

  #keep(name: string, key: K, text: string, revision: number): Stored<R> {
    this.#rows.set(name, { key: structuredClone(key), text, revision });
    return { record: this.#text.read(text), revision };
  }
}

/** Without the key, as a repository's list gives it. */
export function storedOnly<K, R>({ record, revision }: Entry<K, R>): Stored<R> {
  return { record, revision };
}

/** By code points, as databases order text by its bytes; JavaScript's own order differs beyond the basic plane. */
function comparePlaces(a: Place, b: Place): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    const order =
      typeof part === 'string' ? Buffer.compare(Buffer.from(part), Buffer.from(String(other))) : part - Number(other);
    if (order !== 0) return order;
  }
  return 0;
}
