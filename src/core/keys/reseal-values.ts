import type { RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { SealedValueKey, SealedValueRecord, SealedValueRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { Scope } from '../../ports/scope.ts';
import type { DataKey, DataKeys } from '../crypto/data-keys.ts';
import { openValue, sealValue } from '../crypto/seal.ts';

/** One page is one audited step, and stays well below the time that a grant allows. */
const PAGE = 100;
/** Another writer can only remove, restore or destroy the same version. */
const TRIES = 5;

export interface ResealedPage {
  readonly resealed: number;
  /** Values that somebody else is to seal again, since that takes longer. */
  readonly waiting: number;
  /** Values that could not be opened, and so stay under their key. */
  readonly unreadable: number;
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined;
}

/** Something that is sealed under data keys, and can be sealed under others. */
export interface DataKeyUser {
  /** Seals a page of what the scope has under this key, unless it is already. Can be repeated. */
  reseal(scope: Scope, to: DataKey, after: string | undefined): Promise<ResealedPage>;
  /** Which keys something of the scope is sealed under. */
  keysInUse(scope: Scope): Promise<ReadonlySet<string>>;
}

export interface ResealValuesDependencies {
  readonly values: SealedValueRepository;
  readonly dataKeys: DataKeys;
  readonly random: RandomBytes;
}

/** The values of the encrypted database. Each is one compare-and-set; who reads it meanwhile reads it under the one key or the other. */
export class ResealValues implements DataKeyUser {
  readonly #values: SealedValueRepository;
  readonly #dataKeys: DataKeys;
  readonly #random: RandomBytes;

  constructor({ values, dataKeys, random }: ResealValuesDependencies) {
    this.#values = values;
    this.#dataKeys = dataKeys;
    this.#random = random;
  }

  async reseal(scope: Scope, to: DataKey, after: string | undefined): Promise<ResealedPage> {
    const page = await this.#values.list(scope, { limit: PAGE, after });
    let resealed = 0;
    let unreadable = 0;
    for (const { key, ...stored } of page.items) {
      const outcome = await this.#resealOne(key, stored, to);
      if (outcome === 'resealed') resealed += 1;
      if (outcome === 'unreadable') unreadable += 1;
    }
    return { resealed, waiting: 0, unreadable, next: page.next };
  }

  async keysInUse(scope: Scope): Promise<ReadonlySet<string>> {
    const used = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.#values.list(scope, { limit: 1000, after });
      // An empty key holds nothing: it closes a version.
      for (const { record } of page.items) if (record.dataKeyId !== '') used.add(record.dataKeyId);
      after = page.next;
    } while (after !== undefined);
    return used;
  }

  async #resealOne(key: SealedValueKey, first: Stored<SealedValueRecord>, to: DataKey): Promise<'resealed' | 'kept' | 'unreadable'> {
    let stored: Stored<SealedValueRecord> | undefined = first;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      if (stored === undefined || stored.record.dataKeyId === '' || stored.record.dataKeyId === to.id) return 'kept';
      const { record, revision }: Stored<SealedValueRecord> = stored;
      try {
        await this.#values.replace(key, { ...record, dataKeyId: to.id, fields: await this.#under(key, record, to) }, revision);
        return 'resealed';
      } catch (error) {
        const { code } = asKeyholdError(error);
        if (code === 'corrupt') return 'unreadable';
        if (code !== 'conflict') throw error;
        stored = await this.#values.get(key);
      }
    }
    throw new KeyholdError('conflict', 'A value is changed all the time by somebody else.');
  }

  async #under(key: SealedValueKey, { dataKeyId, fields }: SealedValueRecord, to: DataKey): Promise<SealedValueRecord['fields']> {
    const from = await this.#dataKeys.byId(key.scope, dataKeyId);
    return Object.fromEntries(
      Object.entries(fields).map(([field, sealed]) => {
        const place = { name: key, field, version: key.version };
        return [field, sealValue(to, place, openValue(from, place, sealed), this.#random)];
      }),
    );
  }
}
