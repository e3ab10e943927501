import { badParameter, KeyVaultError } from './key-vault-error.ts';

/** How long the vault takes for what it does after its answer, in milliseconds. Looked at while somebody waits, so a change ends a wait; what is over stays over. */
export interface Durations {
  /** From the answer to a delete until the name is among the deleted. Meanwhile it is nowhere, and cannot be set. */
  deletingMs: number;
  /** From the answer to a recover until the object can be read. */
  recoveringMs: number;
  /** From then until it can be set. */
  recoverySettlingMs: number;
  /** From the answer to a purge until the name can be used again. */
  purgingMs: number;
}

/** A name with its versions, oldest first. */
export interface VersionedObject<Version> {
  /** As it was written when it was made. */
  readonly name: string;
  readonly versions: Version[];
  /** The last one. `doneAt` is known as soon as it was seen to be done. */
  change?: { readonly kind: 'delete' | 'recover' | 'purge'; readonly at: number; doneAt?: number };
  /** When it was deleted last, in milliseconds since 1970. */
  deletedAt?: number;
}

type Stage = 'live' | 'deleting' | 'deleted' | 'recovering' | 'settling' | 'purging' | 'gone';

interface Rules {
  readonly noun: 'Secret' | 'Key';
  readonly durations: Durations;
  readonly purgeProtection: () => boolean;
  readonly retentionDays: () => number;
  readonly vaultName: () => string;
  readonly now: () => number;
}

export const dayMs = 86_400_000;

/** Names without case, their versions, and soft delete with its waits: the same for secrets and keys. */
export class VersionedObjects<Version extends { readonly id: string }> {
  readonly #objects = new Map<string, VersionedObject<Version>>();
  readonly #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** Adds a version, and the object if there is none. 409 while the name is deleted or on its way somewhere. */
  add(name: string, version: Version): VersionedObject<Version> {
    const known = this.#find(name);
    const stage = known === undefined ? 'gone' : this.#stage(known);
    if (known === undefined || stage === 'gone') {
      const made = { name, versions: [version] };
      this.#objects.set(name.toLowerCase(), made);
      return made;
    }
    if (stage !== 'live') throw this.#reuse(name, stage);
    known.versions.push(version);
    return known;
  }

  /** The live object, else 404. */
  get(name: string): VersionedObject<Version> {
    const known = this.#find(name);
    const stage = known === undefined ? 'gone' : this.#stage(known);
    if (known === undefined || (stage !== 'live' && stage !== 'settling')) throw this.#notFound(name);
    return known;
  }

  /** The version with this id, the newest for an empty one; else 404. */
  version(object: VersionedObject<Version>, id: string): Version {
    const found = id === '' ? object.versions.at(-1) : object.versions.find((version) => version.id === id.toLowerCase());
    if (found === undefined) throw this.#notFound(`${object.name}/${id}`);
    return found;
  }

  delete(name: string): VersionedObject<Version> {
    const object = this.get(name);
    if (this.#stage(object) === 'settling') throw this.#busy(name, 'recovered');
    object.deletedAt = this.#rules.now();
    this.#begin(object, 'delete');
    return object;
  }

  /** The deleted object, else 404: also while it is being deleted, recovered or purged. */
  deleted(name: string): VersionedObject<Version> {
    const known = this.#find(name);
    if (known === undefined || this.#stage(known) !== 'deleted') throw this.#notFound(name);
    return known;
  }

  recover(name: string): VersionedObject<Version> {
    this.#refuseWhileDeleting(name);
    const object = this.deleted(name);
    this.#begin(object, 'recover');
    return object;
  }

  purge(name: string): void {
    this.#refuseWhileDeleting(name);
    const object = this.deleted(name);
    if (this.#rules.purgeProtection()) {
      throw new KeyVaultError(403, 'Forbidden', `Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.\r\nVault: ${this.#rules.vaultName()}`);
    }
    this.#begin(object, 'purge');
  }

  /** The live ones in the order of their names. */
  list(): VersionedObject<Version>[] {
    return this.#inStage('live', 'settling');
  }

  listDeleted(): VersionedObject<Version>[] {
    return this.#inStage('deleted');
  }

  clear(): void {
    this.#objects.clear();
  }

  #find(name: string): VersionedObject<Version> | undefined {
    if (!/^[0-9A-Za-z-]{1,127}$/.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
    return this.#objects.get(name.toLowerCase());
  }

  #inStage(...stages: Stage[]): VersionedObject<Version>[] {
    const sorted = [...this.#objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([, object]) => object).filter((object) => stages.includes(this.#stage(object)));
  }

  #begin(object: VersionedObject<Version>, kind: 'delete' | 'recover' | 'purge'): void {
    object.change = { kind, at: this.#rules.now() };
    this.#stage(object); // what takes no time is done
  }

  #stage(object: VersionedObject<Version>): Stage {
    const { durations, now, retentionDays } = this.#rules;
    const { change } = object;
    if (change === undefined) return 'live';
    const lasts = { delete: durations.deletingMs, recover: durations.recoveringMs, purge: durations.purgingMs }[change.kind];
    if (change.doneAt === undefined && now() >= change.at + lasts) change.doneAt = change.at + lasts;
    if (change.kind === 'delete' && now() >= change.at + retentionDays() * dayMs) return this.#forget(object);
    if (change.doneAt === undefined) return ({ delete: 'deleting', recover: 'recovering', purge: 'purging' } as const)[change.kind];
    if (change.kind === 'delete') return 'deleted';
    if (change.kind === 'purge') return this.#forget(object);
    if (now() < change.doneAt + durations.recoverySettlingMs) return 'settling';
    delete object.change;
    return 'live';
  }

  #forget({ name }: VersionedObject<Version>): 'gone' {
    this.#objects.delete(name.toLowerCase());
    return 'gone';
  }

  #refuseWhileDeleting(name: string): void {
    const known = this.#find(name);
    if (known !== undefined && this.#stage(known) === 'deleting') throw this.#busy(name, 'deleted');
  }

  #reuse(name: string, stage: Exclude<Stage, 'live' | 'gone'>): KeyVaultError {
    const { noun } = this.#rules;
    if (stage === 'deleted') {
      return new KeyVaultError(409, 'Conflict', `${noun} ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the ${noun.toLowerCase()} can only be recovered or purged.`, 'ObjectIsDeletedButRecoverable');
    }
    const what = stage === 'recovering' || stage === 'settling' ? ['recovered', 'ObjectIsBeingRecovered'] : ['deleted', 'ObjectIsBeingDeleted'];
    return new KeyVaultError(409, 'Conflict', `${noun} ${name} is currently being ${what[0]} and cannot be re-created; retry later.`, what[1]);
  }

  #busy(name: string, what: 'deleted' | 'recovered'): KeyVaultError {
    return new KeyVaultError(409, 'Conflict', `${this.#rules.noun} ${name} is currently being ${what}.`, what === 'deleted' ? 'ObjectIsBeingDeleted' : 'ObjectIsBeingRecovered');
  }

  #notFound(what: string): KeyVaultError {
    const noun = this.#rules.noun;
    return new KeyVaultError(404, `${noun}NotFound`, `A ${noun.toLowerCase()} with (name/id) ${what} was not found in this key vault. If you recently deleted this ${noun.toLowerCase()} you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`);
  }
}
