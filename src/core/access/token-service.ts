import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { TenantRepository } from '../../ports/metadata/tenants.ts';
import type { MembershipRepository, RoleRepository } from '../../ports/metadata/users.ts';
import { sameScope, type Scope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { changeRecord } from '../versions/change-record.ts';
import { checkedExpiry, checkedName } from './checked-input.ts';
import { FirstAdministrator } from './first-administrator.ts';
import type { Grant } from './grant.ts';
import type { IdempotentRequest } from './idempotency.ts';
import type { PlatformAdministrators } from './platform-administrators.ts';
import { BOOTSTRAP_TOKEN_ID } from './principals.ts';
import type { Resource } from './resource.ts';
import { grantableRole } from './roles.ts';
import { hasRoom } from './room.ts';
import { mintToken, newTokenId } from './token-text.ts';
import { type TokenView, tokenView } from './token-view.ts';

export interface TokenServiceDependencies {
  readonly tokens: TokenRepository;
  readonly tenants: TenantRepository;
  readonly roles: RoleRepository;
  readonly memberships: MembershipRepository;
  readonly administrators: Pick<PlatformAdministrators, 'leave'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface NewToken {
  readonly name: string;
  readonly role: string;
  /** Milliseconds since the epoch; left out or null: never. */
  readonly expiresAt?: number | null | undefined;
}

export interface CreatedToken {
  readonly token: TokenView;
  /** Shown once; null when the same request came before (S27). */
  readonly text: SecretValue | null;
}

/** Of a tenant (S34). Ended ones do not count. */
const MAX_TOKENS = 1_000;

/** The tokens of the platform and of tenants (R0.2, S22, S25, S27). */
export class TokenService {
  readonly #tokens: TokenRepository;
  readonly #roles: RoleRepository;
  readonly #administrators: TokenServiceDependencies['administrators'];
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #firstAdministrator: FirstAdministrator;

  constructor({ tokens, tenants, roles, memberships, administrators, bus, clock, random }: TokenServiceDependencies) {
    this.#tokens = tokens;
    this.#roles = roles;
    this.#administrators = administrators;
    this.#bus = bus;
    this.#clock = clock;
    this.#random = random;
    this.#firstAdministrator = new FirstAdministrator({ tenants, tokens, memberships, bus, clock });
  }

  /**
   * Makes a token and gives its text, once. Throws `invalid_argument` for a name, role or time that cannot be, `permission_denied`
   * for a role that the actor may not give, `conflict` for an Idempotency-Key of another request and where the tenant has too many.
   */
  async create(grant: Grant, input: NewToken, idempotency?: IdempotentRequest): Promise<CreatedToken> {
    const { scope } = grant.use('token.create');
    const { role } = await grantableRole(grant.actor, scope, input.role, this.#roles);
    const name = checkedName(input.name);
    const id = idempotency?.id ?? newTokenId(this.#random);
    const earlier = idempotency && (await this.#earlier(id, idempotency));
    if (earlier !== undefined) return earlier;
    const expiresAt = checkedExpiry(input.expiresAt, this.#clock);
    await this.#requireRoom(scope);

    const claimed = role === 'tenant-admin' && scope.kind === 'tenant' ? scope.tenant : undefined;
    if (claimed !== undefined) await this.#firstAdministrator.claim(claimed, id, { onlyFirst: grant.actor.scope.kind === 'platform' });
    const { text, digest } = mintToken('t', this.#random, id);
    const record: TokenRecord = {
      id,
      scope,
      name,
      role,
      digests: [{ digest, validUntil: null }],
      origin: 'api',
      createdAt: this.#clock.now(),
      createdBy: grant.actor.id,
      expiresAt,
      revokedAt: null,
      idempotency: idempotency?.mark ?? null,
    };
    let stored: Stored<TokenRecord>;
    try {
      stored = await this.#tokens.create({ id }, record);
    } catch (error) {
      const winner = idempotency && asKeyholdError(error).code === 'already_exists' ? await this.#earlier(id, idempotency) : undefined;
      if (winner === undefined) throw error;
      return winner;
    }
    if (claimed !== undefined && !(await this.#firstAdministrator.confirm(claimed, id))) {
      await this.#end(id, () => undefined);
      throw new KeyholdError('conflict', 'Another administrator token was made at the same time. This one was not handed out; send the request again.');
    }
    grant.making(id);
    return { token: tokenView(stored), text };
  }

  /** The scope's tokens by id, ended ones included; a tenant-member's list holds the token that asks and no other. */
  async list(grant: Grant, page: PageRequest): Promise<Page<TokenView>> {
    const { scope } = grant.use('token.list');
    if (grant.actor.role === 'tenant-member') {
      const own = await this.#find({ scope, id: grant.actor.id });
      return { items: own === undefined ? [] : [tokenView(own)], next: undefined };
    }
    const { items, next } = await this.#tokens.list(scope, page);
    return { items: items.map(tokenView), next };
  }

  /**
   * Ends a token for good, at once; ending it again changes nothing. A tenant-member ends its own only. Throws `not_found`,
   * `permission_denied`, and `conflict` for what `KEYHOLD_ADMIN_TOKEN` sets and for the last active platform-admin token.
   */
  async revoke(grant: Grant): Promise<TokenView> {
    const resource = grant.use('token.revoke');
    const { actor } = grant;
    if (actor.role === 'tenant-member' && resource.id !== actor.id) {
      throw new KeyholdError('permission_denied', 'A tenant-member revokes only the token it signs in with. A tenant-admin revokes the others.');
    }
    const found = await this.#find(resource);
    if (found === undefined) throw noToken();
    const { id, role } = found.record;
    if (id === BOOTSTRAP_TOKEN_ID) {
      throw new KeyholdError('conflict', 'KEYHOLD_ADMIN_TOKEN sets this token. Unset or change the variable and start Keyhold again to end it.');
    }
    return tokenView(
      await this.#end(id, async () => {
        if (role === 'platform-admin' && actor.kind !== 'system') await this.#administrators.leave(id);
      }),
    );
  }

  async #requireRoom(scope: Scope): Promise<void> {
    const now = this.#clock.now();
    const works = ({ revokedAt, expiresAt }: TokenRecord): boolean => revokedAt === null && (expiresAt === null || now < expiresAt);
    if (scope.kind === 'platform' || (await hasRoom((page) => this.#tokens.list(scope, page), works, MAX_TOKENS))) return;
    throw new KeyholdError('conflict', `The tenant has ${MAX_TOKENS} tokens that work, and no more can be made. Revoke those that nobody uses.`);
  }

  async #earlier(id: string, idempotency: IdempotentRequest): Promise<CreatedToken | undefined> {
    const earlier = await this.#tokens.get({ id });
    if (earlier === undefined) return undefined;
    idempotency.requireRepeat(earlier.record.idempotency);
    return { token: tokenView(earlier), text: null };
  }

  /** The token, if it is of this scope: another scope's looks as if it did not exist (R10.2). */
  async #find({ scope, id }: Resource): Promise<Stored<TokenRecord> | undefined> {
    const found = id === undefined ? undefined : await this.#tokens.get({ id });
    return found !== undefined && sameScope(found.record.scope, scope) ? found : undefined;
  }

  #end(id: string, check: () => Promise<void> | undefined): Promise<Stored<TokenRecord>> {
    return changeRecord(this.#tokens, { id }, {
      decide: async (record) => {
        if (record.revokedAt !== null) return undefined;
        await check();
        return { ...record, revokedAt: this.#clock.now() };
      },
      missing: noToken,
      announce: (version) => this.#bus.publish({ topic: 'token', id, version }),
    });
  }
}

function noToken(): KeyholdError {
  return new KeyholdError('not_found', 'There is no token with this id.');
}
