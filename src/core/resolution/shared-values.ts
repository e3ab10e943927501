import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { Scope } from '../../ports/scope.ts';
import { scopeKey } from '../../ports/scope.ts';
import { ownVaultOf, type StoreKind, kindOf } from '../../ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../ports/secret-value.ts';
import type { SharedCache } from '../../ports/shared-cache.ts';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from '../crypto/envelope.ts';
import { frame } from '../crypto/framing.ts';
import { KEY_BYTES } from '../crypto/root-key.ts';

const FORMAT = 'keyhold shared value 1';
const DAY_MS = 86_400_000;
/** Two times before the envelope: when the store last confirmed the value, and its hard end. */
const TIME_BYTES = 8;
/** Larger ones are read from their store alone. */
const LARGEST_BYTES = 65_536;
/** How far ahead the clock of another replica may be. */
const CLOCKS_APART_MS = 60_000;

export interface SharedValuesDependencies {
  readonly cache: SharedCache;
  /** `root.subkey('shared-cache')`. */
  readonly subkey: Buffer;
  /** Stores whose values may lie there: those that the root key does not hang on (docs/decisions/0009-shared-cache.md). */
  readonly stores: ReadonlySet<StoreKind>;
  /** `KEYHOLD_STALE_LIMIT`: no value serves longer after its store has confirmed it. */
  readonly limitMs: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/**
 * Values that any replica has read from a vault, sealed in a place that all share, for one that has to do without that vault (R3.10, S19). Each is sealed under a
 * key of its tenant and day, which every replica derives for itself, and is bound to its credential, version and times.
 * That the version is still active is for the caller to ask.
 */
export class SharedValues {
  readonly #dependencies: SharedValuesDependencies;
  readonly #key: KeyObject;
  readonly #nameKey: KeyObject;

  constructor(dependencies: SharedValuesDependencies) {
    const { subkey } = dependencies;
    this.#dependencies = dependencies;
    this.#key = createSecretKey(subkey);
    this.#nameKey = createSecretKey(Buffer.from(hkdfSync('sha256', subkey, '', 'keyhold/1/shared-cache/names', KEY_BYTES)));
  }

  /** Whether values of this version may lie there. A tenant's own vault is its own: what is in it stays out of ours. */
  takes({ reference: { store } }: Pick<CurrentVersion, 'reference'>): boolean {
    const { stores, limitMs } = this.#dependencies;
    return limitMs > 0 && ownVaultOf(store) === undefined && stores.has(kindOf(store));
  }

  /** `confirmedAt`: before the store was asked. What has changed by the time it lies there is taken away again. */
  async keep(record: CredentialRecord, current: CurrentVersion, fields: SecretFields, { confirmedAt, isStillSo }: { readonly confirmedAt: number; readonly isStillSo: () => boolean }): Promise<void> {
    const { cache, limitMs, clock, random } = this.#dependencies;
    const leftMs = confirmedAt + limitMs - clock.now();
    if (!this.takes(current) || leftMs <= 0) return;
    const plain = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.reveal()]))));
    const sealed = plain.length > LARGEST_BYTES ? undefined : sealEnvelope(this.#contextOf(record, current, confirmedAt, confirmedAt + limitMs), plain, random);
    plain.fill(0);
    if (sealed === undefined || !isStillSo()) return;
    const name = this.#nameOf(record);
    await cache.set(name, this.#groupOf(scopeKey(record.scope)), Buffer.concat([timeBytes(confirmedAt), timeBytes(confirmedAt + limitMs), sealed]), leftMs);
    if (!isStillSo()) await cache.remove(name);
  }

  /** The fields, and how long ago the store confirmed them; undefined where nothing usable lies there. Never rejects. */
  async find(record: CredentialRecord, current: CurrentVersion): Promise<{ readonly fields: SecretFields; readonly ageMs: number } | undefined> {
    const { cache, limitMs, clock } = this.#dependencies;
    if (!this.takes(current)) return undefined;
    const bytes = await cache.get(this.#nameOf(record));
    if (bytes === undefined || bytes.length < 2 * TIME_BYTES || bytes.length > 2 * LARGEST_BYTES) return undefined;
    const [confirmedAt, expiresAt] = [Number(bytes.readBigInt64BE(0)), Number(bytes.readBigInt64BE(TIME_BYTES))];
    const now = clock.now();
    // The limit as it is here and now: another replica may have had a longer one.
    if (now >= Math.min(expiresAt, confirmedAt + limitMs) || confirmedAt > now + CLOCKS_APART_MS) return undefined;
    try {
      const plain = openEnvelope(this.#contextOf(record, current, confirmedAt, expiresAt), bytes.subarray(2 * TIME_BYTES));
      const texts: unknown = JSON.parse(plain.toString());
      plain.fill(0);
      return typeof texts === 'object' && texts !== null ? { fields: secretFields(texts), ageMs: Math.max(now - confirmedAt, 0) } : undefined;
    } catch {
      // Of another version, changed, or sealed under another key: as good as nothing.
      return undefined;
    }
  }

  forget(scope: string, service: string, label: string): void {
    void this.#dependencies.cache.remove(this.#named(scope, service, label));
  }

  forgetScope(scope: string): void {
    void this.#dependencies.cache.removeGroup(this.#groupOf(scope));
  }

  #contextOf({ scope, service, label }: CredentialRecord, { id, version, reference }: CurrentVersion, confirmedAt: number, expiresAt: number): EnvelopeContext {
    const tenant = tenantOf(scope);
    const day = String(Math.floor(confirmedAt / DAY_MS));
    return {
      key: createSecretKey(Buffer.from(hkdfSync('sha256', this.#key, frame([scope.kind, tenant, day]), 'keyhold/1/shared-cache/tenant-day', KEY_BYTES))),
      purpose: 'cache',
      aad: frame([FORMAT, scope.kind, tenant, service, label, id, String(version), reference.store, reference.version, String(confirmedAt), String(expiresAt)]),
    };
  }

  #nameOf({ scope, service, label }: CredentialRecord): string {
    return this.#named(scopeKey(scope), service, label);
  }

  /** Tells nobody whose it is. */
  #named(scope: string, service: string, label: string): string {
    return this.#digest(['value', scope, service, label]);
  }

  #groupOf(scope: string): string {
    return this.#digest(['scope', scope]);
  }

  #digest(parts: readonly string[]): string {
    return createHmac('sha256', this.#nameKey).update(frame(parts)).digest('base64url');
  }
}

function timeBytes(ms: number): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigInt64BE(BigInt(ms));
  return bytes;
}

function tenantOf(scope: Scope): string {
  return scope.kind === 'tenant' ? scope.tenant : '';
}

function secretFields(texts: object): SecretFields {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, new SecretValue(String(text))]));
}
