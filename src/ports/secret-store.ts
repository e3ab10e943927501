import { KeyholdError, type KeyholdErrorOptions } from './errors.ts';
import type { Page, PageRequest } from './metadata/stored.ts';
import type { Scope } from './scope.ts';
import type { SecretFields } from './secret-value.ts';

/** Where a credential's values can be kept (`storedIn`, R0.5). */
export const storeKinds = ['azure-key-vault', 'vault', 'sealed'] as const;

export type StoreKind = (typeof storeKinds)[number];

/** What a tenant can bring of its own (S20). */
export type OwnVaultKind = Exclude<StoreKind, 'sealed'>;

/** A tenant's own vault: its kind, its tenant, and an id that no other vault ever gets. */
export type OwnStoreId = `${OwnVaultKind}:${string}/${string}`;

const OWN_STORE = /^(?<kind>azure-key-vault|vault):(?<tenant>[^/]+)\/(?<vault>[^/]+)$/u;

/** One place for values: a store of the installation by its kind, or one tenant's own vault. */
export type StoreId = StoreKind | OwnStoreId;

/** What kind of place it is, for people (`storedIn`). */
export function kindOf(id: StoreId): StoreKind {
  return storeKinds.find((kind) => id === kind || id.startsWith(`${kind}:`)) ?? 'sealed';
}

export function isStoreId(text: string): text is StoreId {
  return storeKinds.some((kind) => kind === text) || OWN_STORE.test(text);
}

/** The tenant whose own vault it is, and the vault's own id; undefined for a store of the installation. */
export function ownVaultOf(id: StoreId): { readonly kind: OwnVaultKind; readonly tenant: string; readonly vault: string } | undefined {
  const match = OWN_STORE.exec(id)?.groups;
  if (match === undefined) return undefined;
  const { kind, tenant = '', vault = '' } = match;
  return { kind: kind === 'vault' ? 'vault' : 'azure-key-vault', tenant, vault };
}

/** A secret's structured name. Each adapter encodes it its own way, injectively (R1.3, R2.2). */
export interface SecretName {
  readonly scope: Scope;
  readonly service: string;
  readonly label: string;
}

/** How an earlier system has encrypted a value that is kept as it was found (R3.4): `cipher` is `iv:salt:ciphertext`, `fernet` a Fernet token. */
export type LegacyForm = 'cipher' | 'fernet';

/**
 * Where exactly one version of a credential's fields is kept; all the database holds of a value. `version` is the store's own
 * version id (sealed: the credential's version; Vault: the KV version; Azure: its version id).
 */
export interface SecretReference {
  readonly store: StoreId;
  readonly name: SecretName;
  readonly version: string;
  /** Marks what an earlier system has encrypted; a value without the mark is never tried as such (S18). */
  readonly legacy?: LegacyForm;
  /** Marks what was sealed before the store got it; a value without the mark is never taken for one, whatever it looks like. */
  readonly sealed?: SealedBefore;
}

/** Under which of its scope's data keys a value was sealed before its store got it (R3.6), and as which version of its credential. */
interface SealedBefore {
  readonly dataKeyId: string;
  readonly version: number;
}

/** What was found in a store whose names can be listed. */
export interface FoundSecret {
  /** As the store calls it: a path in Vault, a secret's name in Azure. */
  readonly place: string;
  /** null: no credential lies there, by its name. */
  readonly name: SecretName | null;
}

/** The write that is under way, so that a store can prove afterwards whether it happened. */
export interface PutIntent {
  /** Random, one per attempt; a store that keeps metadata keeps it beside the value. */
  readonly id: string;
  /** The credential's version that this write makes. */
  readonly version: number;
  /** The store's own version that the write builds on, or `null` where nothing was kept under the name. */
  readonly cas: string | null;
  /** Keyed digest over the fields, hex; tells the put of this intent from another of the same version. */
  readonly digest: string;
  /** The fields are as an earlier system has encrypted them; the reference is to say so. */
  readonly legacy?: LegacyForm;
  /** The fields are sealed under this data key; the reference is to say so. */
  readonly sealedUnder?: string;
}

/** Fields as a store is to keep them, and the data key that they are sealed under. */
export interface SealedFields {
  readonly fields: SecretFields;
  readonly sealedUnder: string;
}

/** What a store may keep beside a value, for people and other readers; nothing depends on it. */
export interface PutNotes {
  /** When the credential stops being used, milliseconds since the epoch. */
  readonly expiresAt?: number | null;
}

export interface StoreCapabilities {
  /** One version can be destroyed alone (Azure cannot). */
  readonly destroyVersion: boolean;
}

/** A copy of what was destroyed that a store keeps of its own accord. */
export interface KnownCopy {
  /** What it is, for people. */
  readonly what: string;
  /** Where: a secret's name in the store, a vault. */
  readonly place: string;
  /** When it goes by itself, milliseconds since the epoch; null where the store does not say. */
  readonly until: number | null;
}

export interface StoreHealth {
  readonly connected: boolean;
  /** Where it is not connected, but there, and refuses: to let us in at all, or only what it was asked just now. Left out where it does not. */
  readonly refuses?: 'us' | 'the question';
  readonly latencyMs: number;
}

/**
 * A place that keeps secret values. Errors, all as KeyholdError: `not_found` (no such version, or it is deleted), `unavailable`
 * (cannot be reached or cannot answer now), `permission_denied` (the store refuses us), `corrupt` (what is kept cannot be read
 * or was tampered with), `conflict` (the `cas` of a put no longer holds).
 */
export interface SecretStore {
  readonly kind: StoreKind;
  /** Left out: the installation's own store of its kind. */
  readonly id?: StoreId;
  readonly capabilities: StoreCapabilities;
  /** Keeps the fields as a new version; returns where. Repeating the same intent returns the same reference. */
  put(name: SecretName, fields: SecretFields, intent: PutIntent, notes?: PutNotes): Promise<SecretReference>;
  get(reference: SecretReference): Promise<SecretFields>;
  /** Proof whether the put of this intent happened: its reference, or undefined if it did not and, the caller having waited out the intent, never will. */
  probe(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined>;
  /**
   * For a store whose `probe` cannot rule out that a put still arrives: called after a probe found nothing, before the intent is forgotten.
   * From then on the put cannot arrive any more. Where that takes a write, the version that the put was to replace may have to be kept
   * once more, under the reference that is returned: it takes the place of the old one. Throws `conflict` when the put has arrived after
   * all: probe again. Can be repeated.
   */
  giveUp?(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined>;
  /**
   * For a store that cannot keep a put that was given up from arriving (Azure has no check-and-set): a reference to whatever that put leaves, now
   * or later. Destroying it takes that back, and lets whoever reads the newest version find the live value again.
   */
  traceOf?(name: SecretName, intent: PutIntent): SecretReference;
  /** For a store in which others can write, too (S17): the newest version that can be read, if it was written after this one. */
  newerThan?(reference: SecretReference): Promise<SecretReference | undefined>;
  /** For such a store: the `cas` of a put that writes onto whatever is the newest now, whoever wrote it, and were it deleted. */
  newestBase?(name: SecretName): Promise<string | null>;
  /** For such a store: what every reader of the name gets now, whoever wrote it; undefined where that is nothing. */
  newest?(name: SecretName): Promise<SecretReference | undefined>;
  /** For such a store: where the name's secret lies, in the store's own words. */
  place?(name: SecretName): string;
  /** For such a store: everything that lies where credentials do, by its place, ascending. `after` is a place. */
  found?(page: PageRequest): Promise<Page<FoundSecret>>;
  /** Only while new values are sealed before this store gets them (R3.6): the fields as the put of this version is to keep them, with an intent that says so. */
  seal?(name: SecretName, version: number, fields: SecretFields): Promise<SealedFields>;
  /** Soft delete: gone for every reader, until `restore`. Idempotent; an absent version is fine. */
  remove(reference: SecretReference): Promise<void>;
  /** Brings a removed version back. `not_found` when it is gone for good. */
  restore(reference: SecretReference): Promise<void>;
  /** Destroys a version for good, as far as the store can. Idempotent. */
  destroy(reference: SecretReference): Promise<void>;
  /** What remains of a name whose versions were all destroyed (S16). Absent: nothing that the store knows of. */
  copies?(name: SecretName): Promise<readonly KnownCopy[]>;
  /** A cheap round trip. Never rejects. */
  health(): Promise<StoreHealth>;
}

export function idOf({ id, kind }: Pick<SecretStore, 'id' | 'kind'>): StoreId {
  return id ?? kind;
}

/** An `unavailable` of which the store is sure that nothing reached it: no value is half-written, and none can arrive later. */
export class StoreUntouched extends KeyholdError {
  constructor(publicMessage: string, options: KeyholdErrorOptions = {}) {
    super('unavailable', publicMessage, options);
    this.name = 'StoreUntouched';
  }
}

/** The name as it is logged and shown: `platform/openai`, `tenants/acme/openai`, with the label where it is not `default`. */
export function secretNameText(name: SecretName): string {
  const owner = name.scope.kind === 'platform' ? 'platform' : `tenants/${name.scope.tenant}`;
  return name.label === 'default' ? `${owner}/${name.service}` : `${owner}/${name.service}/${name.label}`;
}
