import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { Networks } from './networks.ts';
import type { Principal } from './principals.ts';

/** A key that is tried from one address again and again is one row in the audit log in this time. */
const ROW_EVERY_MS = 60_000;
const MAX_REMEMBERED = 1_000;

export interface ClientNetworksDependencies {
  readonly audit: Pick<AuditLog, 'denied'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Log;
}

/** Lets gateway keys be used from their networks only; tries from elsewhere are denials in the audit log (S29). */
export class ClientNetworks {
  readonly #dependencies: ClientNetworksDependencies;
  readonly #networks = new WeakMap<GatewayKeyRecord, Networks>();
  readonly #written = new Map<string, number>();

  constructor(dependencies: ClientNetworksDependencies) {
    this.#dependencies = dependencies;
  }

  /** Throws `permission_denied` for a key that is not for this address. */
  require({ actor, gatewayKey }: Principal, address: string, requestId: string): void {
    const networks = gatewayKey?.networks ?? null;
    if (gatewayKey === null || networks === null) return;
    const known = this.#networks.get(gatewayKey) ?? new Networks(networks);
    this.#networks.set(gatewayKey, known);
    if (known.has(address)) return;
    this.#write(actor, address, requestId);
    throw new KeyholdError('permission_denied', 'This gateway key may not be used from this network. A tenant administrator can add it to the key\'s networks.');
  }

  #write(actor: Principal['actor'], address: string, requestId: string): void {
    const { audit, clock, log } = this.#dependencies;
    const name = `${actor.id} ${address}`;
    const now = clock.monotonic();
    if (now - (this.#written.get(name) ?? -Infinity) < ROW_EVERY_MS) return;
    this.#written.delete(name);
    this.#written.set(name, now);
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= MAX_REMEMBERED) break;
      this.#written.delete(oldest);
    }
    const denied = { actor, action: 'gateway.use', resource: { scope: actor.scope, id: actor.id }, requestId, code: 'permission_denied' } as const;
    audit.denied(denied).catch((error: unknown) => log.error('audit_failed', 'That a gateway key was used from another network could not be written to the audit log', { requestId, error }));
  }
}
