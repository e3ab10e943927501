import type { RegisteredBase, SettingSpec } from '../core/catalog/service.ts';
import { registeredAddress } from '../core/credentials/registered-address.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import type { Egress } from '../egress/egress.ts';
import { KeyholdError } from '../ports/errors.ts';
import { UpstreamPool } from './upstream/upstream-pool.ts';
import type { UpstreamTimes } from './upstream/upstream-connection.ts';

/** Of one owner's, with open connections; a change of an address leaves the earlier one's open for a while. */
const MOST_PLACES = 8;
/** Connections that wait for the next request, to one address of one owner. */
const MOST_IDLE = 64;
/** What is read at once; all these pools share one buffer, since what was read is used up before the next read. */
const READ_BYTES = 64 * 1024;

/** How often it is looked at all owners' for what is not used any more. */
const FORGET_EVERY_MS = 10_000;

/** Where a request goes. */
export interface Place {
  readonly pool: UpstreamPool;
  /** What stands before a route's path; ends with a slash. */
  readonly basePath: string;
}

/**
 * The connections to addresses that tenants have registered with their keys (S33). Each owner has its own, also where two name the same host: no connection and no
 * TLS session of one ever carries the key of another. Every address that the name has is looked at and pinned for each connection, and the address itself again
 * when the first one is made: what was let through when it was registered may not be any more.
 */
export class RegisteredPools {
  readonly #egress: Pick<Egress, 'wayOf' | 'allows'>;
  readonly #times: UpstreamTimes;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  /** By owner, and there by address. */
  readonly #places = new Map<string, Map<string, Place>>();
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(egress: Pick<Egress, 'wayOf' | 'allows'>, times: UpstreamTimes) {
    this.#egress = egress;
    this.#times = times;
  }

  /**
   * Where the key of a credential goes: the address of its own version (S3). `owner`: the tenant's id, or null for the platform. Throws `corrupt` for an address that
   * keys are not sent to, and `rate_limited` for an owner that uses too many at once.
   */
  placeOf({ settings, service }: Pick<Resolved, 'settings' | 'service'>, { setting, path }: RegisteredBase, owner: string | null): Place {
    const given = settings[setting];
    const whose = owner ?? '';
    const name = `${service.id}${path} ${typeof given === 'string' ? given : ''}`;
    return this.#places.get(whose)?.get(name) ?? this.#open(name, whose, this.#checked(service.settings.find((spec) => spec.name === setting), given, service.id), path);
  }

  /** Closes every connection, busy ones too. */
  destroy(): void {
    for (const places of this.#places.values()) for (const { pool } of places.values()) pool.destroy();
    this.#places.clear();
  }

  #open(name: string, owner: string, address: string, path: string): Place {
    this.#forgetUnused(owner);
    const places = this.#places.get(owner) ?? new Map<string, Place>();
    if (places.size >= MOST_PLACES) throw new KeyholdError('rate_limited', `Requests to more than ${MOST_PLACES} addresses that were registered for keys are open at once. Try again when some of them are over.`, { retryAfterSeconds: 20 });
    const { origin, pathname } = new URL(address);
    const pool = new UpstreamPool(origin, this.#times, { way: this.#egress.wayOf(owner), buffer: this.#buffer, mostIdle: MOST_IDLE });
    const place = { pool, basePath: `${pathname.replace(/\/$/, '')}${path}/` };
    places.set(name, place);
    this.#places.set(owner, places);
    return place;
  }

  #checked(spec: SettingSpec | undefined, given: unknown, service: string): string {
    try {
      if (spec !== undefined) {
        const address = registeredAddress(spec, given, (host) => this.#egress.allows(host));
        if (address === given) return address;
      }
    } catch (cause) {
      throw unusable(service, cause);
    }
    throw unusable(service, undefined);
  }

  /** A pool without a connection holds nothing that the next one would not have. */
  #forgetUnused(owner: string): void {
    const now = performance.now();
    const all = now - this.#forgotAt > FORGET_EVERY_MS;
    if (all) this.#forgotAt = now;
    for (const [whose, places] of all ? this.#places : [[owner, this.#places.get(owner) ?? new Map<string, Place>()] as const]) {
      for (const [address, { pool }] of places) {
        if (pool.isOpen) continue;
        pool.destroy();
        places.delete(address);
      }
      if (places.size === 0) this.#places.delete(whose);
    }
  }
}

function unusable(service: string, cause: unknown): KeyholdError {
  return new KeyholdError('corrupt', `The address that is registered with the key for ${service} cannot be used. Store the key again with PUT, with an address that is allowed.`, { cause });
}
