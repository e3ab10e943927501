import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRecord, GatewayKeyRepository } from '../../ports/metadata/access.ts';
import type { Grant } from './grant.ts';
import { type GatewayKeyView, gatewayKeyView } from './gateway-key-view.ts';
import { parseToken, tokenDigest } from './token-text.ts';

export interface GatewayKeyFinderDependencies {
  readonly gatewayKeys: GatewayKeyRepository;
  readonly clock: Clock;
}

/** What is told of a key that was found somewhere: whose it is and how it is, and nothing else. */
export interface FoundGatewayKey {
  readonly tenant: string;
  readonly id: string;
  readonly state: 'active' | 'disabled' | 'expired' | 'revoked';
  /** Whether the text that was given is the key's now, or still is for a while; null where only its beginning was given. */
  readonly works: boolean | null;
}

const BEGINNING = /^kh_g_([0-9a-z]{16})$/;

/** Finds the gateway key that a leaked text belongs to, so that it can be taken out of use (S22). */
export class GatewayKeyFinder {
  readonly #keys: GatewayKeyRepository;
  readonly #clock: Clock;

  constructor({ gatewayKeys, clock }: GatewayKeyFinderDependencies) {
    this.#keys = gatewayKeys;
    this.#clock = clock;
  }

  /** The tenant's key whose text begins so (`kh_g_` and the id); undefined where it has none. Throws `invalid_argument` for anything else, a whole key above all. */
  async inTenant(grant: Grant, prefix: string): Promise<GatewayKeyView | undefined> {
    const { scope } = grant.use('gateway-key.read');
    const id = BEGINNING.exec(prefix)?.[1];
    if (id === undefined) {
      throw new KeyholdError('invalid_argument', 'prefix is the first 21 characters of a gateway key, kh_g_ and 16 more. Never put a whole key into an address: addresses are logged on their way.', { details: { property: 'prefix' } });
    }
    const stored = await this.#keys.get({ id });
    return stored === undefined || scope.kind !== 'tenant' || stored.record.tenant !== scope.tenant ? undefined : gatewayKeyView(stored, this.#clock.now());
  }

  /** Whose key this is, of all tenants'. Throws `invalid_argument` for a text that is no key's, `not_found` where there is none of that id. */
  async anywhere(grant: Grant, text: string): Promise<FoundGatewayKey> {
    grant.use('gateway-key.find');
    const parsed = parseToken(text);
    const id = parsed?.kind === 'g' ? parsed.id : BEGINNING.exec(text)?.[1];
    if (id === undefined) throw new KeyholdError('invalid_argument', 'This is neither a gateway key, with its checksum right, nor the first 21 characters of one.', { details: { property: 'text' } });
    const stored = await this.#keys.get({ id });
    if (stored === undefined) throw new KeyholdError('not_found', 'No tenant has a gateway key with this id. It is of another installation, or made up.');
    const { record } = stored;
    return { tenant: record.tenant, id, state: this.#stateOf(record), works: parsed === undefined ? null : this.#works(record, text) };
  }

  #stateOf({ revokedAt, disabled, expiresAt }: GatewayKeyRecord): FoundGatewayKey['state'] {
    if (revokedAt !== null) return 'revoked';
    if (expiresAt !== null && expiresAt <= this.#clock.now()) return 'expired';
    return disabled ? 'disabled' : 'active';
  }

  #works(record: GatewayKeyRecord, text: string): boolean {
    const given = tokenDigest(text);
    return this.#stateOf(record) === 'active' && record.digests.some(({ digest, validUntil }) => digest === given && (validUntil === null || this.#clock.now() < validUntil));
  }
}
