import type { Clock } from '../../../ports/clock.ts';
import type { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { SecretPermission } from '../../azure/azure-grants.ts';

const PAUSE_MS = 60_000;

/** Says in the log which permission is missing and how to grant it (R1.5): once a minute for each, however many requests meet it. */
export class DeniedPermissions {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #toldAt = new Map<SecretPermission, number>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  tell(permission: SecretPermission, error: KeyholdError): void {
    const now = this.#clock.monotonic();
    const toldAt = this.#toldAt.get(permission);
    if (toldAt !== undefined && now - toldAt < PAUSE_MS) return;
    this.#toldAt.set(permission, now);
    this.#log.error('key_vault_permission_denied', error.publicMessage);
  }
}
