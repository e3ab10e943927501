import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { TokenRepository } from '../../ports/metadata/access.ts';
import type { TenantRecord, TenantRepository } from '../../ports/metadata/tenants.ts';
import type { MembershipRepository } from '../../ports/metadata/users.ts';
import { changeRecord } from '../versions/change-record.ts';

/** How long a claim counts whose token does not exist yet; its maker needs two writes, or died. */
const CLAIM_MS = 60_000;
const MAX_ADMIN_TOKENS = 100;

interface Dependencies {
  readonly tenants: TenantRepository;
  readonly tokens: TokenRepository;
  readonly memberships: MembershipRepository;
  readonly bus: Bus;
  readonly clock: Clock;
}

/**
 * Decides on the tenant's one record which tenant-admins there are, tokens and users, so that two platform administrators cannot both make the
 * first (S25). A token is claimed before it is made and confirmed afterwards: the confirmation is a write of the same record, so
 * that whoever dropped the claim as abandoned in between either sees the token or is seen.
 */
export class FirstAdministrator {
  readonly #tenants: TenantRepository;
  readonly #tokens: TokenRepository;
  readonly #memberships: MembershipRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;

  constructor({ tenants, tokens, memberships, bus, clock }: Dependencies) {
    this.#tenants = tenants;
    this.#tokens = tokens;
    this.#memberships = memberships;
    this.#bus = bus;
    this.#clock = clock;
  }

  /**
   * Notes that a tenant-admin with this id, a token or a user, is about to be made; a claim of the same id is renewed. With `onlyFirst` it throws
   * `permission_denied` while there is another active one, or one is being made. Throws `conflict` for a tenant that is not
   * active or has too many.
   */
  async claim(tenant: string, id: string, { onlyFirst }: { readonly onlyFirst: boolean }): Promise<void> {
    await this.#change(tenant, async (record) => {
      if (record.state !== 'active') throw new KeyholdError('conflict', `Tenant ${tenant} is not active. Nothing was made.`);
      const others = await this.#othersAlive(record, id);
      if (onlyFirst && others.length > 0) {
        throw new KeyholdError(
          'permission_denied',
          `Tenant ${tenant} has an administrator already, who makes every further token. A platform administrator makes only the first one.`,
        );
      }
      if (others.length >= MAX_ADMIN_TOKENS) {
        throw new KeyholdError('conflict', `Tenant ${tenant} has ${MAX_ADMIN_TOKENS} active administrators. Revoke or remove one that is no longer needed.`);
      }
      return { ...record, adminTokens: [...others, { id, claimedAt: this.#clock.now() }] };
    });
  }

  /** Whether the claim still stood once the token existed. When it did not, the token must not be handed out. */
  async confirm(tenant: string, id: string): Promise<boolean> {
    const { record } = await this.#change(tenant, (found) => (hasClaim(found, id) ? { ...found } : undefined));
    return hasClaim(record, id);
  }

  async #othersAlive({ id: tenant, adminTokens }: TenantRecord, id: string): Promise<TenantRecord['adminTokens']> {
    const now = this.#clock.now();
    const alive: { readonly id: string; readonly claimedAt: number }[] = [];
    for (const claim of adminTokens) {
      if (claim.id === id) continue;
      if (((await this.#isAdministrator(tenant, claim.id, now)) ?? Math.abs(now - claim.claimedAt) < CLAIM_MS)) alive.push(claim);
    }
    return alive;
  }

  /** Whether this is an active administrator, token or user; undefined where there is neither. */
  async #isAdministrator(tenant: string, id: string, now: number): Promise<boolean | undefined> {
    const token = (await this.#tokens.get({ id }))?.record;
    if (token !== undefined) return token.revokedAt === null && (token.expiresAt === null || now < token.expiresAt);
    const member = (await this.#memberships.get({ tenant, user: id }))?.record;
    return member && member.role === 'tenant-admin' && !member.disabled;
  }

  #change(tenant: string, decide: (record: TenantRecord) => TenantRecord | undefined | Promise<TenantRecord | undefined>) {
    return changeRecord(this.#tenants, { tenant }, {
      decide,
      missing: () => new KeyholdError('not_found', `There is no tenant ${tenant}.`),
      announce: (version) => this.#bus.publish({ topic: 'tenant', tenant, version }),
    });
  }
}

function hasClaim({ adminTokens }: TenantRecord, id: string): boolean {
  return adminTokens.some((claim) => claim.id === id);
}
