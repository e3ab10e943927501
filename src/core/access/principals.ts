import { timingSafeEqual } from 'node:crypto';
import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GatewayKeyRecord, GatewayKeyRepository, TokenDigest, TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { after, type Soon } from '../../ports/soon.ts';
import { type Loaded, RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import type { Actor } from './actor.ts';
import type { CertificateRoles } from './certificate-roles.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { type CustomRoles, isBuiltIn } from './custom-roles.ts';
import { permissionsOf } from './permissions.ts';
import { Presented } from './presented.ts';
import type { TokenKind } from './token-text.ts';
import type { UserTokens } from './user-tokens.ts';

/** Who proved to be who, and with which gateway key, if it was one. */
export interface Principal {
  readonly actor: Actor;
  readonly gatewayKey: GatewayKeyRecord | null;
}

export interface PrincipalsDependencies {
  readonly tokens: TokenRepository;
  readonly gatewayKeys: GatewayKeyRepository;
  readonly customRoles: CustomRoles;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
  /** Tokens of identity providers; left out where none is configured. */
  readonly userTokens?: UserTokens | undefined;
  /** Client certificates; left out where none signs in. */
  readonly certificates?: CertificateRoles | undefined;
  /** The digest of `KEYHOLD_ADMIN_TOKEN`; null where it is not set (S28). */
  readonly bootstrap: { readonly digest: string } | null;
  /** Called, and waited for, whenever a platform-admin token made by the API is used: the first token ends then (S28). */
  readonly adminTokenUsed?: () => Promise<void>;
}

/** A token's or gateway key's record as it is needed again and again. */
interface Known {
  readonly principal: Principal;
  /** What the role permits is not in the action table. */
  readonly isCustom: boolean;
  readonly digests: readonly { readonly bytes: Buffer; readonly validUntil: number | null }[];
  readonly expiresAt: number | null;
  readonly ended: boolean;
  readonly endsFirstToken: boolean;
}

/** The id of the token that `KEYHOLD_ADMIN_TOKEN` is (S28). */
export const BOOTSTRAP_TOKEN_ID = 'bootstrap';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

/** Leaves the cache empty: unknown ids, however many a stranger makes up, push no known one out. */
class NoSuchRecord extends Error {}

/**
 * Finds out who a presented text belongs to (S22). Records are cached by their id for 10 s and forgotten when they change; that the
 * text is right is decided anew each time, over the digest of all of it, so that nobody here remembers anything about a text.
 */
export class Principals {
  readonly #tokens: TokenRepository;
  readonly #gatewayKeys: GatewayKeyRepository;
  readonly #customRoles: CustomRoles;
  readonly #clock: Clock;
  readonly #bootstrap: Buffer | null;
  readonly #adminTokenUsed: () => Promise<void>;
  readonly #known: RecordCache<Known>;
  readonly #sources: Sources | undefined;
  readonly #userTokens: UserTokens | undefined;
  readonly #certificates: CertificateRoles | undefined;

  constructor({ tokens, gatewayKeys, customRoles, userTokens, certificates, bus, clock, metrics, sources, bootstrap, adminTokenUsed }: PrincipalsDependencies) {
    this.#tokens = tokens;
    this.#gatewayKeys = gatewayKeys;
    this.#customRoles = customRoles;
    this.#clock = clock;
    this.#bootstrap = bootstrap === null ? null : Buffer.from(bootstrap.digest, 'hex');
    this.#adminTokenUsed = adminTokenUsed ?? (async () => undefined);
    this.#known = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'token', hit }), outlives: ({ ended }) => !ended, from: sources?.ofDatabase });
    this.#sources = sources;
    this.#userTokens = userTokens;
    this.#certificates = certificates;
    bus.subscribe((message) => {
      if (message.topic === 'token') this.#known.invalidate(cacheKey('t', message.id), message.version);
      if (message.topic === 'gateway-key') this.#known.invalidate(cacheKey('g', message.id), message.version);
    });
  }

  /**
   * Who the text belongs to, if it is of one of these kinds; undefined when it is unknown, wrong, expired, disabled or revoked,
   * all alike. `KEYHOLD_ADMIN_TOKEN` and tokens of identity providers count as a `t`. Throws `unavailable` when the database cannot answer and the record is not
   * cached: an outage never looks like a wrong token. There is nothing to wait for where it is.
   */
  authenticate(text: string | Presented, accepts: readonly TokenKind[]): Soon<Principal | undefined> {
    const presented = typeof text === 'string' ? new Presented(text) : text;
    const { digest, parsed } = presented;
    if (parsed === undefined || !accepts.includes(parsed.kind)) return this.#bootstrapWith(digest, accepts) ?? this.#userWith(presented.reveal(), digest, accepts);
    return after(this.#find(parsed.kind, parsed.id), (known) => {
      if (known === undefined || !this.#holds(known, digest)) return this.#bootstrapWith(digest, accepts) ?? this.#refused(parsed.kind, parsed.id);
      if (known.isCustom) return this.#withPermissions(known.principal);
      return known.endsFirstToken ? this.#adminTokenUsed().then(() => known.principal) : known.principal;
    });
  }

  #withPermissions({ actor, gatewayKey }: Principal): Soon<Principal> {
    return after(this.#customRoles.holding(actor.scope, actor.role), (holding) => ({ actor: { ...actor, ...holding }, gatewayKey }));
  }

  /** After everything else: the only token without a form of its own. */
  #bootstrapWith(digest: Buffer, accepts: readonly TokenKind[]): Principal | undefined {
    return this.#bootstrap !== null && timingSafeEqual(this.#bootstrap, digest) && accepts.includes('t') ? bootstrapPrincipal : undefined;
  }

  #userWith(text: string, digest: Buffer, accepts: readonly TokenKind[]): Soon<Principal | undefined> {
    if (this.#userTokens === undefined || !accepts.includes('t')) return undefined;
    return after(this.#userTokens.authenticate(text, digest), (actor) => (actor === undefined ? undefined : { actor, gatewayKey: null }));
  }

  /** Who signs in with this certificate; undefined where nobody does. Throws `unavailable` as `authenticate`. */
  ofCertificate(certificate: ClientCertificate): Soon<Principal | undefined> {
    if (this.#certificates === undefined) return undefined;
    return after(this.#certificates.actorOf(certificate), (actor) => (actor === undefined ? undefined : { actor, gatewayKey: null }));
  }

  /** A key is never refused by a record that may have another digest by now. */
  #refused(kind: TokenKind, id: string): undefined {
    if (this.#sources !== undefined && (kind === 't' || kind === 'g') && this.#known.staleMs(cacheKey(kind, id)) > 0) throw this.#sources.database.awayError();
    return undefined;
  }

  /** Who a token is now, for a session that began with it; undefined where it has ended, or is another one by now (S28). Throws as `authenticate`. */
  ofToken(id: string, digest: string): Soon<Actor | undefined> {
    return after(this.#find('t', id), (known) => {
      if (known === undefined || !this.#holds(known, Buffer.from(digest, 'hex'))) return undefined;
      return known.isCustom ? after(this.#withPermissions(known.principal), ({ actor }) => actor) : known.principal.actor;
    });
  }

  /** How long ago an actor's record was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(actor: Actor): number {
    if (actor.kind === 'user') return this.#userTokens?.staleMs(actor) ?? 0;
    if (actor.kind === 'certificate') return this.#customRoles.staleMs(actor);
    const staleMs = this.#known.staleMs(cacheKey(actor.kind === 'token' ? 't' : 'g', actor.id));
    return actor.permissions === undefined ? staleMs : Math.max(staleMs, this.#customRoles.staleMs(actor));
  }

  /** Whether an actor that proved who it is may still use the gateway: its token or key has not ended since, and its role not changed (S10). Throws as `authenticate`. */
  async mayGoOn(asked: Actor): Promise<boolean> {
    const { kind, id } = asked;
    if (kind === 'user') return (await this.#userTokens?.mayGoOn(asked)) ?? false;
    if (kind === 'certificate') return (await this.#certificates?.mayGoOn(asked)) ?? false;
    if (kind === 'system' || id === BOOTSTRAP_TOKEN_ID) return true;
    const known = await this.#find(kind === 'token' ? 't' : 'g', id);
    if (known === undefined || !this.#isAlive(known)) return false;
    if (!known.isCustom) return true;
    const { actor } = await this.#withPermissions(known.principal);
    return permissionsOf(actor).includes('gateway.use');
  }

  #find(kind: TokenKind, id: string): Soon<Known | undefined> {
    if (kind !== 't' && kind !== 'g') return undefined;
    const known = this.#known.get(cacheKey(kind, id), () => (kind === 't' ? this.#loadToken(id) : this.#loadGatewayKey(id)));
    if (!(known instanceof Promise)) return known;
    return known.catch((error: unknown) => {
      if (error instanceof NoSuchRecord) return undefined;
      throw error;
    });
  }

  async #loadToken(id: string): Promise<Loaded<Known>> {
    const stored = await this.#tokens.get({ id });
    if (stored === undefined) throw new NoSuchRecord();
    return { value: knownToken(stored.record), version: stored.revision };
  }

  async #loadGatewayKey(id: string): Promise<Loaded<Known>> {
    const stored = await this.#gatewayKeys.get({ id });
    if (stored === undefined) throw new NoSuchRecord();
    return { value: knownGatewayKey(stored.record), version: stored.revision };
  }

  #holds(known: Known, presented: Buffer): boolean {
    const now = this.#clock.now();
    let right = false;
    for (const { bytes, validUntil } of known.digests) {
      const same = bytes.length === presented.length && timingSafeEqual(bytes, presented);
      right = (same && (validUntil === null || now < validUntil)) || right;
    }
    return right && this.#isAlive(known);
  }

  #isAlive({ ended, expiresAt }: Known): boolean {
    return !ended && (expiresAt === null || this.#clock.now() < expiresAt);
  }
}

const bootstrapPrincipal: Principal = {
  actor: { kind: 'token', id: BOOTSTRAP_TOKEN_ID, role: 'platform-admin', scope: platformScope },
  gatewayKey: null,
};

function cacheKey(kind: 't' | 'g', id: string): string {
  return `${kind}:${id}`;
}

function knownToken(record: TokenRecord): Known {
  return {
    principal: { actor: { kind: 'token', id: record.id, role: record.role, scope: record.scope }, gatewayKey: null },
    isCustom: !isBuiltIn(record.scope, record.role),
    digests: record.digests.map(digestBytes),
    expiresAt: record.expiresAt,
    ended: record.revokedAt !== null,
    endsFirstToken: record.origin === 'api' && record.role === 'platform-admin',
  };
}

function knownGatewayKey(record: GatewayKeyRecord): Known {
  return {
    principal: { actor: { kind: 'gateway-key', id: record.id, role: 'gateway-key', scope: tenantScope(record.tenant) }, gatewayKey: record },
    isCustom: false,
    digests: record.digests.map(digestBytes),
    expiresAt: record.expiresAt,
    ended: record.revokedAt !== null || record.disabled,
    endsFirstToken: false,
  };
}

function digestBytes({ digest, validUntil }: TokenDigest): { bytes: Buffer; validUntil: number | null } {
  return { bytes: Buffer.from(digest, 'hex'), validUntil };
}
