import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { CredentialRecord, CredentialRepository, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { kindOf, type SecretStore, secretNameText, type StoreId, type StoreKind } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { Soon } from '../../ports/soon.ts';
import type { Access } from '../access/authorize.ts';
import type { UseGrant } from '../access/grant.ts';
import { type ReadFrom, RecordCache } from '../caching/record-cache.ts';
import type { OutsideChanges } from '../credentials/outside-changes.ts';
import { credentialKeyText } from '../credentials/credential-key.ts';
import { type Stores, storeOf, withoutOurRefusal } from '../credentials/store-errors.ts';
import { storedInWords } from '../credentials/stored-in.ts';
import { isUsable } from '../credentials/value-text.ts';
import type { Source } from '../outages/source.ts';
import type { Sources } from '../outages/sources.ts';
import { SharedReading } from './shared-reading.ts';
import type { SharedValues } from './shared-values.ts';
import { outageRule } from './stale-table.ts';
import { StoreReadShare } from './store-read-share.ts';

/** R3.10, where nothing else is said of a store. */
const TTL_MS = 5 * 60 * 1000;
/** Values that are used are read again in the last tenth of their time, so that one which an outage meets has most of `KEYHOLD_STALE_LIMIT` before it. */
const AHEAD = 0.1;
const MAX = 10_000;
/** How long «there is no such value» is believed (S11: 1 to 5 s). */
const GONE_MS = 2_000;

/** The store says that the version in the record does not exist. */
export class ValueGone extends KeyholdError {
  constructor(cause: unknown) {
    super('corrupt', 'The value of this credential is gone from its store. Store the key again with PUT.', { cause });
  }
}

export interface CredentialValuesDependencies {
  readonly access: Access;
  readonly stores: Stores;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How long values serve from memory, by the store they are from (`KEY_VAULT_CACHE_TTL`). */
  readonly valueTtlMs?: Partial<Readonly<Record<StoreKind, number | undefined>>> | undefined;
  /** How the stores are that values are read from; left out, no value serves beyond its time. */
  readonly sources?: Sources | undefined;
  /** Where replicas share values, for when a store cannot be asked; and the records that say whether one may still be used. Left out, there is no such place. */
  readonly shared?: { readonly values: SharedValues; readonly records: Pick<CredentialRepository, 'get'> } | undefined;
  /** Looks whether somebody has written past Keyhold where a value was just read (S17). */
  readonly outside?: Pick<OutsideChanges, 'look' | 'lookAnew'> | undefined;
}

/** Where the one cached version of a credential lies. */
interface CachedAs {
  readonly key: string;
  readonly cache: RecordCache<SecretFields>;
  readonly from: ReadFrom | undefined;
}

/** What a version of a credential goes by here. */
interface Names {
  readonly current: CurrentVersion;
  readonly credential: string;
  readonly key: string;
}

/** Plaintext values in this process: 5 minutes, bounded, read from the store by one audited read at a time each. */
export class CredentialValues {
  readonly #access: Access;
  readonly #stores: Stores;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #outside: CredentialValuesDependencies['outside'];
  readonly #sources: Sources | undefined;
  readonly #shared: SharedValues | undefined;
  readonly #sharedReading: SharedReading | undefined;
  readonly #caches: Readonly<Record<StoreKind, RecordCache<SecretFields>>>;
  readonly #share = new StoreReadShare();
  /** Under which key the one cached version of a credential lies, so that a change of the credential evicts it. */
  readonly #cachedAs = new Map<string, CachedAs>();
  readonly #names = new WeakMap<CredentialRecord, Names>();
  readonly #gone = new Map<string, { readonly error: ValueGone; readonly edition: number; readonly until: number }>();
  /** Counts evictions: a read that began before one must not say «gone» of what was written since. */
  #evictions = 0;

  constructor({ access, stores, bus, clock, log, metrics, valueTtlMs = {}, sources, shared, outside }: CredentialValuesDependencies) {
    this.#access = access;
    this.#stores = stores;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#outside = outside;
    this.#sources = sources;
    this.#shared = shared?.values;
    this.#sharedReading = shared === undefined ? undefined : new SharedReading({ shared: shared.values, records: shared.records, access, clock, log, metrics });
    const timesOf = (ttlMs: number): { readonly ttlMs: number; readonly aheadMs: number } => ({ ttlMs, aheadMs: ttlMs * AHEAD });
    const cacheOf = (kind: StoreKind): RecordCache<SecretFields> => new RecordCache({ clock, ...timesOf(valueTtlMs[kind] ?? TTL_MS), max: MAX, observe: (hit) => metrics.cache({ cache: 'value', hit }) });
    this.#caches = { 'azure-key-vault': cacheOf('azure-key-vault'), vault: cacheOf('vault'), sealed: cacheOf('sealed') };
    bus.subscribe((message) => {
      // Values stay: they lie under their reference and version, which the records say anew.
      if (message.topic === 'missed') this.#gone.clear();
      if (message.topic === 'credential') {
        this.#evict(`${message.scopeKey}/${message.service}/${message.label}`);
        shared?.values.forget(message.scopeKey, message.service, message.label);
      }
      if (message.topic === 'data-key') shared?.values.forgetScope(message.scopeKey);
      // Where a key is destroyed, what was opened with it goes, too (S16).
      if (message.topic === 'data-key') for (const credential of this.#cachedAs.keys()) if (credential.startsWith(`${message.scopeKey}/`)) this.#evict(credential);
    });
  }

  /**
   * The fields of exactly this version, each fit for a header (S5). Throws ValueGone when the store has no such version, `corrupt`
   * when the value cannot be used, `unavailable` when the store cannot be asked or refuses us, or the read cannot be audited; all as
   * rejections. There is nothing to wait for while the value is cached.
   */
  of(grant: UseGrant, record: CredentialRecord, current: CurrentVersion): Soon<SecretFields> {
    const { credential, key } = this.#namesOf(record, current);
    const { reference } = current;
    if (this.#gone.size > 0) {
      const gone = this.#gone.get(key);
      // A record that has changed since may say of a removed value that it is back, also where no announcement of that came.
      if (gone?.edition === record.edition && this.#clock.monotonic() < gone.until) return Promise.reject(gone.error);
    }
    const cachedAs = this.#lieUnder(credential, key, reference.store);
    const { cache, from } = cachedAs;
    let read = false;
    const fields = cache.get(key, async () => {
      read = true;
      const value = await this.#share.run(grant.tenant, () => this.#read(grant, record, current, key));
      // Nobody waits for it: what it finds serves from the next request on.
      void this.#outside?.look(record);
      return { value, version: 0 };
    }, from);
    // Who joins somebody else's reading has a hit, too.
    if (!read) this.#hit(grant, record, fields);
    if (this.#shared === undefined || !(fields instanceof Promise)) return fields;
    return fields.catch((error: unknown) => this.#orShared(grant, record, current, cachedAs, error));
  }

  /** What the value is read from, and how long ago it was last confirmed where it serves beyond its time; otherwise undefined. */
  staleOf(record: CredentialRecord): { readonly source: Source; readonly ageMs: number } | undefined {
    const cachedAs = this.#cachedAs.get(credentialKeyText(record));
    const ageMs = cachedAs?.cache.staleMs(cachedAs.key) ?? 0;
    return ageMs === 0 || cachedAs?.from === undefined ? undefined : { source: cachedAs.from.source, ageMs };
  }

  /** What is known of how this store is. */
  sourceOf(store: StoreId): Source | undefined {
    return this.#sources === undefined ? undefined : new ReadFromStore(this.#sources, this.#stores, store).source;
  }

  /** No value stays in memory; reads under way are repeated. */
  forgetAll(): void {
    this.#evictions += 1;
    this.#cachedAs.clear();
    this.#gone.clear();
    for (const cache of Object.values(this.#caches)) cache.clear();
  }

  /** As another replica has read it, where the store cannot say now. From then on it serves as if this one had. */
  async #orShared(grant: UseGrant, record: CredentialRecord, current: CurrentVersion, cachedAs: CachedAs, error: unknown): Promise<SecretFields> {
    if (!outageRule(error).stale || this.#shared?.takes(current) !== true) throw error;
    const found = await this.#sharedReading?.read(grant, record, current);
    // What has changed meanwhile is not brought back: whoever resolves looks at the records again.
    if (found === undefined || this.#cachedAs.get(credentialKeyText(record)) !== cachedAs) throw error;
    requireUsable(found.fields, current);
    cachedAs.cache.adopt(cachedAs.key, found.fields, found.ageMs);
    cachedAs.from?.source.outlived();
    return found.fields;
  }

  #hit(grant: UseGrant, record: CredentialRecord, fields: Soon<SecretFields>): void {
    if (this.#log.debugs === false) return;
    const tell = (): void => this.#log.debug('secret_cache_hit', `Cache hit for secret: ${secretNameText(record)}`, { requestId: grant.requestId });
    if (fields instanceof Promise) fields.then(tell, () => undefined);
    else tell();
  }

  /** Out of memory, as far as this process is concerned: a read under way is repeated and finds what the store has by then. */
  #evict(credential: string): void {
    this.#evictions += 1;
    const cached = this.#cachedAs.get(credential);
    if (cached === undefined) return;
    this.#cachedAs.delete(credential);
    this.#gone.delete(cached.key);
    cached.cache.invalidate(cached.key);
  }

  /** Made once for a record that is read again and again. */
  #namesOf(record: CredentialRecord, current: CurrentVersion): Names {
    const known = this.#names.get(record);
    if (known?.current === current) return known;
    const credential = credentialKeyText(record);
    const names = { current, credential, key: `${credential}/${current.reference.store}/${current.reference.version}` };
    this.#names.set(record, names);
    return names;
  }

  #lieUnder(credential: string, key: string, store: StoreId): CachedAs {
    const known = this.#cachedAs.get(credential);
    if (known?.key === key) return known;
    this.#evict(credential);
    const cachedAs: CachedAs = { key, cache: this.#caches[kindOf(store)], from: this.#sources === undefined ? undefined : new ReadFromStore(this.#sources, this.#stores, store) };
    this.#cachedAs.set(credential, cachedAs);
    for (const oldest of this.#cachedAs.keys()) {
      if (this.#cachedAs.size <= MAX) break;
      this.#evict(oldest);
    }
    return cachedAs;
  }

  #read(grant: UseGrant, record: CredentialRecord, current: CurrentVersion, key: string): Promise<SecretFields> {
    const { scope, service, label } = record;
    return this.#access.perform(grant.actor, 'credential.fetch', { scope, service, label }, grant.requestId, async (fetch) => {
      fetch.use('credential.fetch');
      const { reference } = current;
      const store = storeOf(this.#stores, reference.store);
      const evictions = this.#evictions;
      const confirmedAt = this.#clock.now();
      const cachedAs = this.#cachedAs.get(credentialKeyText(record));
      const fields = await this.#timed(store, () => store.get(reference)).catch((error: unknown) => {
        throw this.#translated(error, { key, edition: record.edition }, evictions);
      });
      requireUsable(fields, current);
      // Nobody waits for it.
      void this.#shared?.keep(record, current, fields, { confirmedAt, isStillSo: () => cachedAs !== undefined && this.#cachedAs.get(credentialKeyText(record)) === cachedAs });
      this.#log.info('secret_retrieved', `Retrieved API key from ${storedInWords[kindOf(reference.store)].read}: ${secretNameText({ scope, service, label })}`, {
        requestId: grant.requestId,
      });
      return fields;
    });
  }

  async #timed<T>(store: SecretStore, read: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const result = await read();
      outcome = 'ok';
      return result;
    } finally {
      this.#metrics.storeRead({ store: store.kind, outcome, durationMs: this.#clock.monotonic() - startedAt });
    }
  }

  /** What a store says of us is not said of the caller, and a lost value is no 404. */
  #translated(error: unknown, read: { readonly key: string; readonly edition: number }, evictions: number): KeyholdError {
    const known = asKeyholdError(error);
    if (known.code === 'not_found') {
      const gone = new ValueGone(error);
      if (evictions === this.#evictions) this.#remember(read, gone);
      return gone;
    }
    return asKeyholdError(withoutOurRefusal(known));
  }

  #remember({ key, edition }: { readonly key: string; readonly edition: number }, gone: ValueGone): void {
    this.#gone.delete(key);
    this.#gone.set(key, { error: gone, edition, until: this.#clock.monotonic() + GONE_MS });
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= MAX) return;
      this.#gone.delete(oldest);
    }
  }
}

/** Looked up when it is needed: what is remembered of an own vault comes and goes. */
class ReadFromStore implements ReadFrom {
  readonly #sources: Sources;
  readonly #stores: Stores;
  readonly #id: StoreId;

  constructor(sources: Sources, stores: Stores, id: StoreId) {
    this.#sources = sources;
    this.#stores = stores;
    this.#id = id;
  }

  get source(): Source {
    return this.#sources.of(this.#id, () => storeOf(this.#stores, this.#id).health());
  }
}

/** S5 at the moment of use: whatever is in a store now, no CR or LF ever reaches a socket. */
function requireUsable(fields: SecretFields, current: CurrentVersion): void {
  const whole = current.fields.every(({ name }) => Object.hasOwn(fields, name));
  if (whole && Object.values(fields).every((value) => isUsable(value.reveal()))) return;
  throw new KeyholdError('corrupt', 'What the store keeps for this credential cannot be used as a key. Store the key again with PUT.');
}
