import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { DataKeyRecord, DataKeyRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { type Scope, scopeKey } from '../../ports/scope.ts';
import { RecordCache } from '../caching/record-cache.ts';
import { decodeBase64 } from './base64.ts';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from './envelope.ts';
import { frame } from './framing.ts';
import { KEY_BYTES, type RootKey } from './root-key.ts';

const FORMAT = 'keyhold data key 1';
const ID = /^dk_([1-9]\d{0,8})$/;
const FIRST_ID = 'dk_1';
const CACHED_MS = 10_000;
const CACHED_AT_MOST = 1_000;

/** One scope's key that its values are sealed under. */
export interface DataKey {
  /** `dk_` and a number that grows with each rotation. */
  readonly id: string;
  readonly key: KeyObject;
}

/** What is known of a data key besides the key. */
export interface ListedDataKey {
  readonly id: string;
  readonly createdAt: number;
  /** Nothing new comes under it. */
  readonly isRetired: boolean;
}

export interface DataKeysDependencies {
  readonly repository: DataKeyRepository;
  readonly root: RootKey;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/**
 * The data keys of the platform and of each tenant, kept wrapped under the root key and bound to their scope (S12). Unwrapped
 * ones are remembered for 10 s, bounded, one unwrapping at a time; one that was destroyed is forgotten at once.
 *
 * A key goes in two steps: retired, nothing new is sealed under it; destroyed, it is gone. Whoever keeps a value looks afterwards whether its key is
 * still live (`isLive`), and seals again if not; whoever destroys looks for values after retiring. So no value is left under a key that goes.
 */
export class DataKeys {
  readonly #repository: DataKeyRepository;
  readonly #root: RootKey;
  readonly #wrappingKey: KeyObject;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #unwrapped: RecordCache<DataKey>;

  constructor({ repository, root, bus, clock, random }: DataKeysDependencies) {
    this.#repository = repository;
    this.#root = root;
    this.#wrappingKey = createSecretKey(root.subkey('data-keys'));
    this.#bus = bus;
    this.#clock = clock;
    this.#random = random;
    this.#unwrapped = new RecordCache({ clock, ttlMs: CACHED_MS, max: CACHED_AT_MOST, bus });
    bus.subscribe((message) => {
      if (message.topic === 'data-key') this.#unwrapped.invalidate(`${message.scopeKey}/${message.id}`);
    });
  }

  /**
   * The key that new values of the scope are sealed under; made when there is none. Create-only under a number, so that two
   * writers cannot make two. Throws `corrupt` when it cannot be unwrapped, `conflict` where all are being destroyed, `unavailable`.
   */
  async current(scope: Scope): Promise<DataKey> {
    const newest = await this.#newest(scope);
    if (newest === undefined) await this.#create(scope, FIRST_ID, undefined);
    else if (newest.record.retiredAt !== undefined) throw new KeyholdError('conflict', 'The keys that values here are sealed under are being destroyed. Nothing new can be kept.');
    return this.byId(scope, newest?.id ?? FIRST_ID);
  }

  /** A key that values are sealed under. Throws `corrupt` when it is gone or cannot be unwrapped, `unavailable`. */
  async byId(scope: Scope, id: string): Promise<DataKey> {
    return this.#unwrapped.get(`${scopeKey(scope)}/${id}`, async () => {
      const stored = await this.#repository.get({ scope, id });
      if (stored === undefined) throw new KeyholdError('corrupt', 'The data key that a value was sealed under is gone, and the value with it.');
      return { value: { id, key: this.#unwrap(scope, id, stored.record) }, version: stored.revision };
    });
  }

  /** All that values of the scope may be sealed under, oldest first; none is made. Throws `corrupt`, `unavailable`. */
  async all(scope: Scope): Promise<readonly DataKey[]> {
    return Promise.all((await this.#repository.list(scope)).map(({ id }) => this.byId(scope, id)));
  }

  /** Asks the database itself. `retired`: what is sealed under it has to be sealed again. */
  async stateOf(scope: Scope, id: string): Promise<'live' | 'retired' | 'destroyed'> {
    const stored = await this.#repository.get({ scope, id });
    if (stored === undefined) return 'destroyed';
    return stored.record.retiredAt === undefined ? 'live' : 'retired';
  }

  /** The scope's keys without the keys, the newest last. */
  async list(scope: Scope): Promise<readonly ListedDataKey[]> {
    const stored = await this.#repository.list(scope);
    return stored.map(({ id, record }) => ({ id, createdAt: record.createdAt, isRetired: record.retiredAt !== undefined })).sort((one, other) => numberOf(one.id) - numberOf(other.id));
  }

  /** Makes the scope's next key for a rotation, unless that has made it already; false where nothing was ever sealed. */
  async renew(scope: Scope, rotation: string): Promise<boolean> {
    const newest = await this.#newest(scope);
    if (newest === undefined || newest.record.retiredAt !== undefined) return false;
    if (newest.record.rotation !== rotation) await this.#create(scope, `dk_${numberOf(newest.id) + 1}`, rotation);
    return true;
  }

  /** From now on nothing new is sealed under it. An absent one is left absent. */
  async retire(scope: Scope, id: string): Promise<void> {
    const stored = await this.#repository.get({ scope, id });
    if (stored === undefined || stored.record.retiredAt !== undefined) return;
    await this.#repository.replace({ scope, id }, { ...stored.record, retiredAt: this.#clock.now() }, stored.revision);
  }

  /** Destroys a retired key, here and in every cache. An absent one is left absent. */
  async destroy(scope: Scope, id: string): Promise<void> {
    const stored = await this.#repository.get({ scope, id });
    if (stored !== undefined && stored.record.retiredAt === undefined) throw new KeyholdError('internal', 'A data key that is in use was to be destroyed.');
    if (stored !== undefined) await this.#repository.remove({ scope, id }, stored.revision);
    await this.#bus.publish({ topic: 'data-key', scopeKey: scopeKey(scope), id, version: stored?.revision ?? 0 });
  }

  /** What stands for a key in public: fixes key, scope and id, tells nothing about the key. 64 hexadecimal digits; null for one that cannot be opened. */
  async commitmentOf(scope: Scope, id: string): Promise<string | null> {
    try {
      const { key } = await this.byId(scope, id);
      return Buffer.from(hkdfSync('sha256', key, frame([scope.kind, tenantOf(scope), id]), 'keyhold/1/data-key-commitment', KEY_BYTES)).toString('hex');
    } catch (error) {
      if (error instanceof KeyholdError && error.code === 'corrupt') return null;
      throw error;
    }
  }

  async #newest(scope: Scope): Promise<(Stored<DataKeyRecord> & { readonly id: string }) | undefined> {
    const stored = await this.#repository.list(scope);
    return stored.toSorted((one, other) => numberOf(one.id) - numberOf(other.id)).at(-1);
  }

  async #create(scope: Scope, id: string, rotation: string | undefined): Promise<void> {
    const bytes = this.#random(KEY_BYTES);
    const wrapped = sealEnvelope(this.#contextOf(scope, id), bytes, this.#random).toString('base64');
    bytes.fill(0);
    try {
      await this.#repository.create({ scope, id }, { wrapped, rootId: this.#root.id, createdAt: this.#clock.now(), ...(rotation === undefined ? {} : { rotation }) });
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    }
    this.#unwrapped.invalidate(`${scopeKey(scope)}/${id}`);
  }

  #unwrap(scope: Scope, id: string, { wrapped, rootId }: DataKeyRecord): KeyObject {
    const sealed = decodeBase64(wrapped);
    if (sealed === undefined || rootId !== this.#root.id) {
      throw new KeyholdError('corrupt', 'A data key in the database was changed, or belongs to another root key.');
    }
    const bytes = openEnvelope(this.#contextOf(scope, id), sealed);
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return key;
  }

  #contextOf(scope: Scope, id: string): EnvelopeContext {
    return { key: this.#wrappingKey, purpose: 'data-key', aad: frame([FORMAT, scope.kind, tenantOf(scope), id, this.#root.id]) };
  }
}

function tenantOf(scope: Scope): string {
  return scope.kind === 'tenant' ? scope.tenant : '';
}

function numberOf(id: string): number {
  const number = ID.exec(id)?.[1];
  if (number === undefined) throw new KeyholdError('corrupt', 'A data key in the database has an id that Keyhold does not make.');
  return Number(number);
}
