import { setTimeout as sleep } from 'node:timers/promises';
import { KeyholdError } from '../../../ports/errors.ts';
import { scopeKey } from '../../../ports/scope.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import {
  type FoundSecret,
  type PutIntent,
  type SecretName,
  secretNameText,
  type SecretReference,
  type SecretStore,
  type StoreCapabilities,
  type StoreHealth,
  type StoreKind,
} from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';

export type StoreOperation = 'put' | 'get' | 'probe' | 'remove' | 'restore' | 'destroy';

/** `closed`: a probe found nothing here, so nothing may come any more. */
type Kept = { readonly state: 'closed' } | { readonly state: 'live' | 'removed'; readonly intentId: string; readonly digest: string; readonly fields: SecretFields };

interface Fault {
  left: number;
  readonly error: KeyholdError;
  readonly operation: StoreOperation | undefined;
  readonly after: boolean;
}

export interface FailOptions {
  /** Only calls of this operation fail, and count. */
  readonly operation?: StoreOperation;
  /** The call fails after it has done its work, as when an answer is lost on its way. */
  readonly after?: boolean;
}

/** A secret store in memory that keeps the port's contract, for tests; it can be told to fail and to be slow. */
export class MemorySecretStore implements SecretStore {
  readonly kind: StoreKind;
  readonly capabilities: StoreCapabilities = { destroyVersion: true };
  /** Calls so far, the failed ones included. */
  readonly calls: Record<StoreOperation, number> = { put: 0, get: 0, probe: 0, remove: 0, restore: 0, destroy: 0 };
  /** How long each call waits before it does anything, in milliseconds. */
  delayMs = 0;
  /** Its health says so; whether calls fail is for `failNext`. */
  isAway = false;
  /** Its health says so, too. */
  refuses: StoreHealth['refuses'] | undefined;
  readonly #kept = new Map<string, Kept>();
  readonly #names = new Map<string, SecretName>();
  #fault: Fault | undefined;

  constructor(kind: StoreKind) {
    this.kind = kind;
  }

  /** The next `count` calls are rejected with the error. */
  failNext(count: number, error: KeyholdError, { operation, after = false }: FailOptions = {}): void {
    this.#fault = { left: count, error, operation, after };
  }

  /** Versions whose value is still kept, the removed ones included. */
  keptVersions(): number {
    return [...this.#kept.values()].filter((kept) => kept.state !== 'closed').length;
  }

  /** Writes as somebody would who does it past Keyhold: the next version under the name. */
  writeOutside(name: SecretName, fields: SecretFields): SecretReference {
    const version = String(this.#newest(name) + 1);
    this.#names.set(secretNameText(name), name);
    this.#kept.set(keyOf(name, version), { state: 'live', intentId: 'outside', digest: '', fields: { ...fields } });
    return { store: this.kind, name, version };
  }

  async newerThan({ name, version }: SecretReference): Promise<SecretReference | undefined> {
    const newest = this.#newest(name);
    const kept = this.#kept.get(keyOf(name, String(newest)));
    return newest > Number(version) && kept?.state === 'live' ? { store: this.kind, name, version: String(newest) } : undefined;
  }

  async newestBase(name: SecretName): Promise<string | null> {
    const newest = this.#newest(name);
    return newest === 0 ? null : String(newest);
  }

  async newest(name: SecretName): Promise<SecretReference | undefined> {
    return this.newerThan({ store: this.kind, name, version: '0' });
  }

  place(name: SecretName): string {
    return secretNameText(name);
  }

  async found({ limit, after = '' }: PageRequest): Promise<Page<FoundSecret>> {
    const kept = [...this.#names].map(([place, name]) => ({ place, name })).filter(({ place, name }) => place > after && this.#newest(name) > 0);
    const items = kept.toSorted((a, b) => (a.place < b.place ? -1 : 1));
    return { items: items.slice(0, limit), next: items.length > limit ? items[limit - 1]?.place : undefined };
  }

  put(name: SecretName, fields: SecretFields, intent: PutIntent): Promise<SecretReference> {
    return this.#call('put', () => {
      const key = keyOf(name, String(intent.version));
      this.#names.set(secretNameText(name), name);
      const kept = this.#kept.get(key);
      if (kept !== undefined && !isOf(kept, intent)) {
        throw new KeyholdError('conflict', 'Another write has taken this version.');
      }
      if (kept === undefined) this.#kept.set(key, { state: 'live', intentId: intent.id, digest: intent.digest, fields: { ...fields } });
      return this.#reference(name, intent);
    });
  }

  get(reference: SecretReference): Promise<SecretFields> {
    return this.#call('get', () => {
      const kept = this.#kept.get(keyOf(reference.name, reference.version));
      if (kept === undefined || kept.state !== 'live') throw notFound();
      return { ...kept.fields };
    });
  }

  probe(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined> {
    return this.#call('probe', () => {
      const key = keyOf(name, String(intent.version));
      const kept = this.#kept.get(key);
      if (kept === undefined) this.#kept.set(key, { state: 'closed' });
      return kept !== undefined && isOf(kept, intent) ? this.#reference(name, intent) : undefined;
    });
  }

  remove(reference: SecretReference): Promise<void> {
    return this.#call('remove', () => {
      const key = keyOf(reference.name, reference.version);
      const kept = this.#kept.get(key);
      if (kept?.state === 'live') this.#kept.set(key, { ...kept, state: 'removed' });
    });
  }

  restore(reference: SecretReference): Promise<void> {
    return this.#call('restore', () => {
      const key = keyOf(reference.name, reference.version);
      const kept = this.#kept.get(key);
      if (kept === undefined || kept.state === 'closed') throw notFound();
      this.#kept.set(key, { ...kept, state: 'live' });
    });
  }

  destroy(reference: SecretReference): Promise<void> {
    return this.#call('destroy', () => {
      const key = keyOf(reference.name, reference.version);
      if (this.#kept.get(key)?.state !== 'closed') this.#kept.delete(key);
    });
  }

  async health(): Promise<StoreHealth> {
    return { connected: !this.isAway && this.refuses === undefined, ...(this.refuses === undefined ? {} : { refuses: this.refuses }), latencyMs: this.delayMs };
  }

  #newest(name: SecretName): number {
    const versions = [...this.#kept.keys()].map((key) => versionIn(key, name));
    return Math.max(0, ...versions);
  }

  #reference(name: SecretName, intent: PutIntent): SecretReference {
    return { store: this.kind, name, version: String(intent.version) };
  }

  async #call<T>(operation: StoreOperation, work: () => T): Promise<T> {
    this.calls[operation] += 1;
    const fault = this.#fault;
    const fails = fault !== undefined && fault.left > 0 && (fault.operation === undefined || fault.operation === operation);
    if (fails) fault.left -= 1;
    if (this.delayMs > 0) await sleep(this.delayMs);
    if (fails && !fault.after) throw fault.error;
    const result = work();
    if (fails) throw fault.error;
    return result;
  }
}

/** The in-memory fake; `kind` is what its references and the credentials' `storedIn` say. */
export function createMemorySecretStore({ kind = 'sealed' }: { readonly kind?: StoreKind } = {}): MemorySecretStore {
  return new MemorySecretStore(kind);
}

function keyOf({ scope, service, label }: SecretName, version: string): string {
  return JSON.stringify([scopeKey(scope), service, label, version]);
}

/** 0 for another name's. */
function versionIn(key: string, name: SecretName): number {
  const [, version] = /,"(\d+)"\]$/.exec(key) ?? [];
  return version !== undefined && key === keyOf(name, version) ? Number(version) : 0;
}

function isOf(kept: Kept, intent: PutIntent): boolean {
  return kept.state !== 'closed' && kept.intentId === intent.id && kept.digest === intent.digest;
}

function notFound(): KeyholdError {
  return new KeyholdError('not_found', 'Nothing is kept under this version.');
}
