import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../../ports/errors.ts';
import { StoreUntouched } from '../../../ports/secret-store.ts';
import type { DeletedSecret } from './kept-secret.ts';
import type { VaultSecrets } from './vault-secrets.ts';

/** How long a name on its way to the deleted ones, or back, is waited for; within what a write may take (`intentMs`). */
const LONGEST_WAIT_MS = 10_000;
const PAUSES_MS = [100, 200, 400, 800, 1_500];
/** For so long after a deletion of ours a name that is nowhere is on its way, and not absent. */
const DELETING_MS = 120_000;
const MOST_REMEMBERED = 10_000;

/**
 * Deleting and recovering a name take the vault some seconds after its answer (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview).
 * Here is who waits for it, in bounds; what takes longer is `unavailable`, and is repeated later.
 */
export class NameChanges {
  readonly #secrets: VaultSecrets;
  readonly #clock: Clock;
  readonly #deletedAt = new Map<string, number>();

  constructor(secrets: VaultSecrets, clock: Clock) {
    this.#secrets = secrets;
    this.#clock = clock;
  }

  /** Asks again and again until there is something, for `LONGEST_WAIT_MS` at most. */
  async until<T>(ask: () => Promise<T | undefined>): Promise<T> {
    const until = this.#clock.monotonic() + LONGEST_WAIT_MS;
    for (let attempt = 0; ; attempt += 1) {
      const found = await ask();
      if (found !== undefined) return found;
      const pauseMs = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0;
      if (this.#clock.monotonic() + pauseMs > until) throw stillChanging();
      await sleep(pauseMs);
    }
  }

  async delete(name: string): Promise<void> {
    await this.#secrets.delete(name);
    this.#deletedAt.delete(name);
    this.#deletedAt.set(name, this.#clock.monotonic());
    for (const oldest of this.#deletedAt.keys()) {
      if (this.#deletedAt.size <= MOST_REMEMBERED) return;
      this.#deletedAt.delete(oldest);
    }
  }

  /** The deleted secret, waited for where we have just deleted it; undefined where there is none. */
  async deleted(name: string): Promise<DeletedSecret | undefined> {
    const found = await this.#secrets.deleted(name);
    if (found !== undefined || !this.#mayBeOnItsWay(name)) return found;
    return this.until(() => this.#secrets.deleted(name));
  }

  /**
   * Brings the name back with all its versions, and waits until they can be read. False where nothing can be recovered. From the vault's answer on
   * no failure is a `StoreUntouched` any more.
   */
  async recover(name: string): Promise<boolean> {
    const begun = await this.until(async () => {
      const answer = await this.#secrets.recover(name);
      if (answer === 'absent') return this.#mayBeOnItsWay(name) ? undefined : false;
      return answer === 'begun' ? true : undefined;
    });
    if (!begun) return false;
    this.#deletedAt.delete(name);
    await this.until(async () => ((await this.#secrets.newest(name)) === 'absent' ? undefined : true)).catch((error: unknown) => {
      throw afterRecovery(error);
    });
    return true;
  }

  #mayBeOnItsWay(name: string): boolean {
    const deletedAt = this.#deletedAt.get(name);
    return deletedAt !== undefined && this.#clock.monotonic() - deletedAt < DELETING_MS;
  }
}

/**
 * What has failed since a name was brought back: all that was deleted may be in use again, so that nobody may take the vault for untouched and forget
 * about it.
 */
export function afterRecovery(error: unknown): unknown {
  const known = asKeyholdError(error);
  if (!(known instanceof StoreUntouched) && known.code !== 'permission_denied') return error;
  return new KeyholdError('unavailable', 'Azure Key Vault has begun to bring this secret back and could not finish. Send the request again in a minute.', { cause: known, retryAfterSeconds: known.retryAfterSeconds ?? 30 });
}

function stillChanging(): StoreUntouched {
  return new StoreUntouched('Azure Key Vault is still busy with deleting or recovering this secret, which takes it some seconds. Nothing was changed. Send the request again in a moment.', { retryAfterSeconds: 5 });
}
