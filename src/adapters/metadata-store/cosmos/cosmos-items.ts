import { setTimeout as sleep } from 'node:timers/promises';
import type { RandomBytes } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import { chunksOf, fitsInOne } from './body-parts.ts';
import type { CosmosContainer, SqlParameter } from './cosmos-container.ts';
import { asPortError, CosmosFailure } from './cosmos-failure.ts';
import { documentOf, type Item, itemFrom, type KeptItem, unreadable } from './item.ts';
import type { ItemAnswer } from './understood.ts';

/** How often a write whose answer was lost is sent again. Each time it can happen at most once, since it is conditional. */
const SENDS = 3;
const PAUSE_MS = 100;
/** How often an item is read again whose parts were replaced in between, or have not arrived yet at the replica that answers. */
const READS = 4;

/** What is to be written; how it is cut and which write it was is decided here. */
export type Draft = Omit<Item, 'write' | 'parts'>;

/**
 * Items of any size, each written by one conditional write whose outcome is always known: `refused` is certain, and where it cannot be found out, the error
 * is `unavailable`.
 */
export class CosmosItems {
  readonly #container: CosmosContainer;
  readonly #random: RandomBytes;

  constructor(container: CosmosContainer, random: RandomBytes) {
    this.#container = container;
    this.#random = random;
  }

  /** The item with its whole body, or undefined. */
  async read(pk: string, id: string): Promise<KeptItem | undefined> {
    for (let reads = 1; ; reads += 1) {
      const document = await this.#container.read(pk, id);
      if (document === undefined) return undefined;
      const whole = await this.#whole(itemFrom(document));
      if (whole !== undefined) return whole;
      if (reads === READS) throw unreadable('parts of it are missing');
      await sleep(PAUSE_MS * reads);
    }
  }

  /** Items that a query finds, whole. One that changes meanwhile comes as it is afterwards, or not at all where it is gone. */
  async query(sql: string, parameters: readonly SqlParameter[], pk?: string): Promise<readonly KeptItem[]> {
    return (await this.queryWithRemoved(sql, parameters, pk)).filter(({ removed }) => !removed);
  }

  /** The same, with what is left of removed records. */
  async queryWithRemoved(sql: string, parameters: readonly SqlParameter[], pk?: string): Promise<readonly KeptItem[]> {
    const found = (await this.#container.query(sql, parameters, pk)).map(itemFrom);
    const whole = await Promise.all(found.map(async (item) => (await this.#whole(item)) ?? this.read(item.pk, item.id)));
    return whole.filter((item) => item !== undefined);
  }

  /** What a query for single values finds. */
  async values(sql: string, parameters: readonly SqlParameter[], pk?: string): Promise<readonly unknown[]> {
    return this.#container.query(sql, parameters, pk);
  }

  /** Items without their bodies. */
  async heads(condition: string, parameters: readonly SqlParameter[], pk: string): Promise<readonly KeptItem[]> {
    const found = await this.#container.query(`SELECT c.id, c.pk, c.kind, c.key, c.revision, c["write"], c.parts, null AS body, c.removed, c._etag FROM c WHERE ${condition}`, parameters, pk);
    return found.map(itemFrom);
  }

  /** What is read afterwards from this partition is at least as new as now. */
  async catchUp(pk: string): Promise<void> {
    await this.#container.catchUp(pk);
  }

  /** `refused`: there is such an item. */
  async create(draft: Draft): Promise<'done' | 'refused'> {
    return this.#write(draft, (document) => this.#container.create(document));
  }

  /** `refused`: the item is no longer as it was in `before`. */
  async replace(draft: Draft, before: KeptItem): Promise<'done' | 'refused'> {
    const outcome = await this.#write(draft, (document) => this.#container.replace(draft.pk, draft.id, document, before.etag));
    if (outcome === 'done') await this.#forgetParts(before);
    return outcome;
  }

  /** Removes an item for good, whatever has become of it since; its id may be used again. */
  async delete(item: Pick<Item, 'pk' | 'id' | 'write' | 'parts'>): Promise<void> {
    try {
      await this.#container.delete(item.pk, item.id);
    } catch (error) {
      throw error instanceof CosmosFailure ? asPortError(error) : error;
    }
    await this.#forgetParts(item);
  }

  async #write(draft: Draft, send: (document: Readonly<Record<string, unknown>>) => Promise<ItemAnswer | undefined>): Promise<'done' | 'refused'> {
    const write = this.#random(16).toString('hex');
    const chunks = draft.body === null || fitsInOne(draft.body) ? [] : chunksOf(draft.body);
    const item: Item = { ...draft, write, parts: chunks.length, body: chunks.length === 0 ? draft.body : null };
    try {
      await this.#writeParts(item, chunks);
      const outcome = await this.#settled(item, () => send(documentOf(item)));
      if (outcome === 'refused') await this.#forgetParts(item);
      return outcome;
    } catch (error) {
      throw error instanceof CosmosFailure ? asPortError(error) : error;
    }
  }

  /** Sends until the outcome is known. */
  async #settled(item: Item, send: () => Promise<ItemAnswer | undefined>): Promise<'done' | 'refused'> {
    for (let sends = 1; ; sends += 1) {
      try {
        const refused = await send();
        if (refused === undefined) return 'done';
        return sends === 1 ? 'refused' : await this.#whose(item);
      } catch (error) {
        if (!(error instanceof CosmosFailure) || !error.mayHaveHappened || sends === SENDS) throw error;
        await sleep(PAUSE_MS * sends);
      }
    }
  }

  /** Whether it was an earlier sending of this very write that a later one was refused for. */
  async #whose(item: Item): Promise<'done' | 'refused'> {
    const document = await this.#container.read(item.pk, item.id);
    const found = document === undefined ? undefined : itemFrom(document);
    if (found?.write === item.write) return 'done';
    // Another write made the revision that this one would have made; after any later one, nobody can tell.
    if (found?.revision === item.revision) return 'refused';
    throw new CosmosFailure('unsettled', { mayHaveHappened: true });
  }

  async #writeParts({ pk, id, kind, write }: Item, chunks: readonly string[]): Promise<void> {
    for (const [index, chunk] of chunks.entries()) {
      const part: Item = { id: partId(id, write, index), pk, kind: 'part', key: kind, revision: 1, write, parts: 0, body: chunk, removed: false, index: {} };
      // Its id is of this write alone: where it is already, an earlier sending was it.
      await this.#settled(part, () => this.#container.create(documentOf(part)));
    }
  }

  async #whole(item: KeptItem): Promise<KeptItem | undefined> {
    if (item.parts === 0) return item;
    const chunks: string[] = [];
    for (let index = 0; index < item.parts; index += 1) {
      const document = await this.#container.read(item.pk, partId(item.id, item.write, index));
      if (document === undefined) return undefined;
      chunks.push(itemFrom(document).body ?? '');
    }
    return { ...item, body: chunks.join('') };
  }

  /** What stays behind where this fails is never read, and holds nothing that the item itself did not hold. */
  async #forgetParts({ pk, id, write, parts }: Pick<Item, 'pk' | 'id' | 'write' | 'parts'>): Promise<void> {
    for (let index = 0; index < parts; index += 1) {
      try {
        await this.#container.delete(pk, partId(id, write, index));
      } catch (error) {
        if (!(error instanceof CosmosFailure) && !(error instanceof KeyholdError)) throw error;
      }
    }
  }
}

function partId(id: string, write: string, index: number): string {
  return `${id}.${write}.${index}`;
}
