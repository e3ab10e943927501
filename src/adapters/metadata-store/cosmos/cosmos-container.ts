import type { Container } from '@azure/cosmos';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../../../ports/clock.ts';
import { fraction } from '../../../core/outages/backoff.ts';
import { asPortError, CosmosFailure, type CosmosTrouble } from './cosmos-failure.ts';
import { type ItemAnswer, understood } from './understood.ts';

/** How long a request that Cosmos DB itself asks to be repeated is repeated. */
const PATIENCE_MS = 5_000;
/** Where Cosmos DB does not say how long to wait. */
const PAUSE_MS = 50;
/** It certainly did nothing, and may do it in a moment. */
const REPEATED: ReadonlySet<CosmosTrouble> = new Set(['busy', 'again', 'stale']);

export interface SqlParameter {
  readonly name: string;
  readonly value: string | number;
}

export interface ContainerOptions {
  readonly container: Container;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Reads see what this process has read and written, but what others wrote perhaps a little later (Session consistency). */
  readonly readsMayBeOld: boolean;
}

/**
 * One container, one request at a time: what Cosmos DB asks to be repeated is, within a bound; everything else is the caller's. Throws
 * `KeyholdError`, and from writes `CosmosFailure`, which says whether it may have happened.
 */
export class CosmosContainer {
  readonly #container: Container;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #readsMayBeOld: boolean;

  constructor({ container, clock, random, readsMayBeOld }: ContainerOptions) {
    this.#container = container;
    this.#clock = clock;
    this.#random = random;
    this.#readsMayBeOld = readsMayBeOld;
  }

  /** The document, or undefined where there is none. */
  async read(pk: string, id: string): Promise<unknown> {
    return this.#reading(async () => {
      const answer = await this.#container.item(id, pk).read<Readonly<Record<string, unknown>>>();
      // The library gives a 404 back instead of throwing it, whichever of its reasons it has.
      if (answer.statusCode === 404) throw Object.assign(new Error('no item'), { code: 404, substatus: answer.substatus });
      return answer.resource;
    }, () => undefined);
  }

  /** All that a query finds. Without a partition it goes to all of them. */
  async query(sql: string, parameters: readonly SqlParameter[], pk?: string): Promise<readonly unknown[]> {
    const spec = { query: sql, parameters: parameters.map(({ name, value }) => ({ name, value })) };
    return this.#reading<readonly unknown[]>(
      async () => {
        const pages = this.#container.items.query<unknown>(spec, { maxItemCount: 200, ...(pk === undefined ? {} : { partitionKey: pk }) });
        return (await pages.fetchAll()).resources;
      },
      () => {
        throw new CosmosFailure('gone', { mayHaveHappened: false });
      },
    );
  }

  /** Throws `CosmosFailure`. */
  async create(document: Readonly<Record<string, unknown>>): Promise<ItemAnswer | undefined> {
    return this.#writing(() => this.#container.items.create(document));
  }

  /** Only over what has this etag. Throws `CosmosFailure`. */
  async replace(pk: string, id: string, document: Readonly<Record<string, unknown>>, etag: string): Promise<ItemAnswer | undefined> {
    return this.#writing(() => this.#container.item(id, pk).replace({ ...document, id }, { accessCondition: { type: 'IfMatch', condition: etag } }));
  }

  /** Throws `CosmosFailure`. */
  async delete(pk: string, id: string): Promise<ItemAnswer | undefined> {
    return this.#writing(() => this.#container.item(id, pk).delete());
  }

  /**
   * Makes what is read from this partition afterwards at least as new as now. With Session consistency that takes a request: writes are always decided by
   * the partition's primary, and the refusal of one, which changes nothing, tells the library how far the primary is.
   */
  async catchUp(pk: string): Promise<void> {
    if (!this.#readsMayBeOld) return;
    const id = 'never-there';
    try {
      await this.replace(pk, id, { pk }, '"never"');
    } catch (error) {
      throw error instanceof CosmosFailure ? asPortError(error) : error;
    }
  }

  /** A read may be repeated once for what happened on the way: a kept connection that the other side had just closed is the usual reason. */
  async #reading<T>(call: () => Promise<T>, whenAbsent: () => T): Promise<T> {
    for (let last = false; ; last = true) {
      try {
        const answer = await this.#patiently(call);
        if (answer.done) return answer.value;
        if (answer.refused === 'absent') return whenAbsent();
        throw new CosmosFailure('strange', { mayHaveHappened: false });
      } catch (error) {
        if (!(error instanceof CosmosFailure)) throw error;
        if (last || error.trouble !== 'broken') throw asPortError(error);
      }
    }
  }

  async #writing(call: () => Promise<unknown>): Promise<ItemAnswer | undefined> {
    const answer = await this.#patiently(call);
    return answer.done ? undefined : answer.refused;
  }

  async #patiently<T>(call: () => Promise<T>): Promise<{ readonly done: true; readonly value: T } | { readonly done: false; readonly refused: ItemAnswer }> {
    const until = this.#clock.monotonic() + PATIENCE_MS;
    for (let tries = 1; ; tries += 1) {
      try {
        return { done: true, value: await call() };
      } catch (error) {
        const meaning = understood(error);
        if (!(meaning instanceof CosmosFailure)) return { done: false, refused: meaning };
        if (!REPEATED.has(meaning.trouble)) throw meaning;
        // Not all at the same moment, and not sooner than asked.
        const pauseMs = (meaning.retryAfterMs ?? PAUSE_MS * tries) * (1 + fraction(this.#random) / 4);
        if (this.#clock.monotonic() + pauseMs > until) throw meaning;
        await sleep(pauseMs);
      }
    }
  }
}
