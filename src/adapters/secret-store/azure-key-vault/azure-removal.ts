import type { Log } from '../../../ports/log.ts';
import type { DeletedSecret, KeptSecret } from './kept-secret.ts';
import { afterRecovery, type NameChanges } from './name-changes.ts';
import { isSamePut } from './own-versions.ts';
import { copyToWrite, originOf } from './secret-shape.ts';
import type { VaultSecrets } from './vault-secrets.ts';

export interface AzureRemovalDependencies {
  readonly secrets: VaultSecrets;
  readonly changes: NameChanges;
  readonly log: Log;
}

/**
 * Taking values out of Key Vault. It deletes and recovers whole names only; of a version it can say at most that it is switched off. The caller
 * holds the name's turn.
 */
export class AzureRemoval {
  readonly #secrets: VaultSecrets;
  readonly #changes: NameChanges;
  readonly #log: Log;

  constructor({ secrets, changes, log }: AzureRemovalDependencies) {
    this.#secrets = secrets;
    this.#changes = changes;
    this.#log = log;
  }

  /** Deletes the name, if this version is what it stands for. Where a later put of ours has taken its place, only this version goes. */
  async remove(inAzure: string, version: string): Promise<void> {
    const found = await this.#secrets.version(inAzure, version);
    if (typeof found === 'string') return;
    const newest = await this.#secrets.newest(inAzure);
    if (typeof newest === 'object' && isReplacedBy(newest, found)) await this.#secrets.disable(inAzure, version);
    else await this.#changes.delete(inAzure);
  }

  /** False where it is gone for good. Whatever else of ours the recovery brings back is switched off (S17). */
  async restore(inAzure: string, version: string): Promise<boolean> {
    const before = await this.#secrets.version(inAzure, version);
    if (typeof before === 'object') return true;
    if (before === 'disabled' || !(await this.#changes.recover(inAzure))) return false;
    try {
      return await this.#keepOnly(inAzure, version);
    } catch (error) {
      throw afterRecovery(error);
    }
  }

  async #keepOnly(inAzure: string, version: string): Promise<boolean> {
    const found = await this.#secrets.version(inAzure, version);
    if (typeof found === 'string') return false;
    for (const kept of await this.#secrets.versions(inAzure)) {
      if (kept.enabled && originOf(kept) !== undefined && !isSamePut(kept, found)) await this.#secrets.disable(inAzure, kept.version);
    }
    await this.#showNewest(inAzure);
    return true;
  }

  /** Switches a version and its copies off, or ends the deleted name that it was the newest of. */
  async destroy(inAzure: string, version: string): Promise<void> {
    const versions = await this.#secrets.versions(inAzure);
    const target = versions.find((kept) => kept.version === version);
    if (target !== undefined) await this.#disableAll(inAzure, versions.filter((kept) => isSamePut(kept, target)));
    // There are more of them than are looked at, or it is absent.
    else if (versions.length > 0) await this.#secrets.disable(inAzure, version);
    if (versions.length > 0) return;
    const deleted = await this.#changes.deleted(inAzure);
    // Of an older version the recovery takes care, should there be one.
    if (deleted !== undefined && isNewestOf(deleted, version)) await this.#purge(inAzure, deleted);
  }

  /** Takes back what the put of an intent left that was given up, and gives whoever reads the newest version the live value again. */
  async withdraw(inAzure: string, intentId: string): Promise<void> {
    const versions = await this.#secrets.versions(inAzure);
    const left = versions.filter((kept) => kept.enabled && originOf(kept)?.intent === intentId);
    if (left.length === 0) return;
    await this.#disableAll(inAzure, left);
    this.#log.warn('late_put_withdrawn', 'A value that had been given up arrived in Azure Key Vault all the same, and was switched off', { name: inAzure, count: left.length });
    await this.#showNewest(inAzure);
  }

  async #disableAll(inAzure: string, versions: readonly KeptSecret[]): Promise<void> {
    for (const { version, enabled } of versions) if (enabled) await this.#secrets.disable(inAzure, version);
  }

  /** Readers get the newest version by name, also when that is switched off. Then the latest of ours that is on is written once more. */
  async #showNewest(inAzure: string): Promise<void> {
    if ((await this.#secrets.newest(inAzure)) !== 'disabled') return;
    const enabled = (await this.#secrets.versions(inAzure)).filter((kept) => kept.enabled);
    const live = enabled.toSorted((a, b) => (originOf(a)?.version ?? 0) - (originOf(b)?.version ?? 0)).at(-1);
    const read = live === undefined ? 'absent' : await this.#secrets.version(inAzure, live.version);
    if (typeof read !== 'object') return;
    const { value, ...more } = copyToWrite(read);
    await this.#secrets.set(inAzure, value, { ...more, expiresAt: null });
  }

  async #purge(inAzure: string, { purgeable, endsAt }: DeletedSecret): Promise<void> {
    const outcome = purgeable ? await this.#changes.until(async () => answered(await this.#secrets.purge(inAzure))) : 'refused';
    if (outcome === 'done') return;
    const why = purgeable ? 'Keyhold has no secrets purge permission there' : 'the vault is protected against purging';
    const until = endsAt === 0 ? 'its retention ends' : new Date(endsAt).toISOString();
    this.#log.info('secret_stays_deleted', `A secret stays among the deleted ones of Azure Key Vault until ${until}, since ${why}`, { name: inAzure });
  }
}

function answered(outcome: 'done' | 'refused' | 'changing'): 'done' | 'refused' | undefined {
  return outcome === 'changing' ? undefined : outcome;
}

/**
 * Whether a later put of ours has taken a version's place. One of an earlier version of the credential was given up and has arrived late, and one that builds on this
 * version was given up, too, since this one is still to be removed.
 */
function isReplacedBy(newest: KeptSecret, found: KeptSecret): boolean {
  const [later, earlier] = [originOf(newest), originOf(found)];
  return later !== undefined && !isSamePut(newest, found) && later.base !== found.version && later.version > (earlier?.version ?? 0);
}

function isNewestOf(deleted: DeletedSecret, version: string): boolean {
  return isSamePut(deleted, { version, enabled: true, contentType: undefined, tags: {}, createdAt: 0 });
}
