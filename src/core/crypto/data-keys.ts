import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { DataKeyRecord, DataKeyRepository } from '../../ports/metadata/sealed.ts';
import { type Scope, scopeKey } from '../../ports/scope.ts';
import { RecordCache } from '../caching/record-cache.ts';
import { decodeBase64 } from './base64.ts';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from './envelope.ts';
import { frame } from './framing.ts';
import { KEY_BYTES, type RootKey } from './root-key.ts';

const FORMAT = 'keyhold data key 1';
const ID = /^dk_([1-9]\d{0,8})$/;
const CACHED_MS = 10_000;
const CACHED_AT_MOST = 1_000;

/** One scope's key that its values are sealed under. */
export interface DataKey {
  /** `dk_` and a number that grows with each rotation. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface DataKeysDependencies {
  readonly repository: DataKeyRepository;
  readonly root: RootKey;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/**
 * The data keys of the platform and of each tenant, kept wrapped under the root key and bound to their scope (S12). Unwrapped
 * ones are remembered for 10 s, bounded, one unwrapping at a time.
 */
export class DataKeys {
  readonly #repository: DataKeyRepository;
  readonly #root: RootKey;
  readonly #wrappingKey: KeyObject;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #unwrapped: RecordCache<DataKey>;

  constructor({ repository, root, clock, random }: DataKeysDependencies) {
    this.#repository = repository;
    this.#root = root;
    this.#wrappingKey = createSecretKey(root.subkey('data-keys'));
    this.#clock = clock;
    this.#random = random;
    this.#unwrapped = new RecordCache({ clock, ttlMs: CACHED_MS, max: CACHED_AT_MOST });
  }

  /**
   * The key that new values of the scope are sealed under; made when there is none. Create-only under a number, so that two
   * writers cannot make two. Throws `corrupt` when it cannot be unwrapped, `unavailable`.
   */
  async current(scope: Scope): Promise<DataKey> {
    const numbers = (await this.#repository.list(scope)).map(({ id }) => numberOf(id));
    const id = numbers.length === 0 ? await this.#create(scope) : `dk_${Math.max(...numbers)}`;
    return this.byId(scope, id);
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

  async #create(scope: Scope): Promise<string> {
    const id = 'dk_1';
    const bytes = this.#random(KEY_BYTES);
    const wrapped = sealEnvelope(this.#contextOf(scope, id), bytes, this.#random).toString('base64');
    bytes.fill(0);
    try {
      await this.#repository.create({ scope, id }, { wrapped, rootId: this.#root.id, createdAt: this.#clock.now() });
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    }
    this.#unwrapped.invalidate(`${scopeKey(scope)}/${id}`);
    return id;
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
    const tenant = scope.kind === 'tenant' ? scope.tenant : '';
    return { key: this.#wrappingKey, purpose: 'data-key', aad: frame([FORMAT, scope.kind, tenant, id, this.#root.id]) };
  }
}

function numberOf(id: string): number {
  const number = ID.exec(id)?.[1];
  if (number === undefined) throw new KeyholdError('corrupt', 'A data key in the database has an id that Keyhold does not make.');
  return Number(number);
}
