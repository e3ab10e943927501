import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRecord, GatewayKeyRepository } from '../../ports/metadata/access.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { IfMatch } from '../versions/etag.ts';
import { appliedChoices, type GatewayKeyChoices, type GatewayKeyInput } from './gateway-key-request.ts';
import { type GatewayKeyView, gatewayKeyView } from './gateway-key-view.ts';
import type { Grant } from './grant.ts';
import type { IdempotentRequest } from './idempotency.ts';
import type { Resource } from './resource.ts';
import { requireHeld } from './roles.ts';
import { hasRoom } from './room.ts';
import { mintToken, newTokenId, tokenHint } from './token-text.ts';

export interface GatewayKeyServiceDependencies {
  readonly gatewayKeys: GatewayKeyRepository;
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export type NewGatewayKey = GatewayKeyInput & { readonly name: string };

export type GatewayKeyChange = GatewayKeyInput & {
  readonly name?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly ifMatch?: IfMatch | undefined;
};

export interface CreatedGatewayKey {
  readonly gatewayKey: GatewayKeyView;
  /** Shown once; null when the same request came before (S27). */
  readonly text: SecretValue | null;
}

/** S34. Revoked ones do not count. */
const MAX_KEYS = 1_000;
const MAX_OVERLAP_SECONDS = 7 * 24 * 60 * 60;
/** What a key may do, and how much of it. */
const REACH = ['services', 'models', 'routes', 'networks', 'expiresAt', 'limits', 'budget'] as const;
const unrestricted: GatewayKeyChoices = { name: '', services: null, models: null, routes: null, defaultProvider: null, tags: {}, expiresAt: null, disabled: false, owner: null, networks: null, limits: null, budget: [] };

/** A tenant's gateway keys (R0.2, S2, S22, S25). Every change is announced, so that the next request sees it. */
export class GatewayKeyService {
  readonly #keys: GatewayKeyRepository;
  readonly #catalog: Catalog;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor({ gatewayKeys, catalog, bus, clock, random }: GatewayKeyServiceDependencies) {
    this.#keys = gatewayKeys;
    this.#catalog = catalog;
    this.#bus = bus;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Makes a key and gives its text, once. Throws `invalid_argument`, `permission_denied` for who may not use the gateway, and `conflict`
   * for an Idempotency-Key of another request, and where the tenant has too many keys.
   */
  async create(grant: Grant, input: NewGatewayKey, idempotency?: IdempotentRequest): Promise<CreatedGatewayKey> {
    const tenant = tenantOf(grant.use('gateway-key.create'));
    requireUse(grant, tenant);
    this.#requireMayOpen(grant, input);
    const id = idempotency?.id ?? newTokenId(this.#random);
    const earlier = idempotency && (await this.#earlier(id, idempotency));
    if (earlier !== undefined) return earlier;
    await this.#requireRoom(tenant);
    const choices = appliedChoices(id, unrestricted, input, { catalog: this.#catalog, clock: this.#clock });
    const { text, digest } = mintToken('g', this.#random, id);
    const record: GatewayKeyRecord = {
      ...choices,
      id,
      tenant,
      digests: [{ digest, validUntil: null }],
      hint: tokenHint(text),
      createdAt: this.#clock.now(),
      createdBy: grant.actor.id,
      revokedAt: null,
      idempotency: idempotency?.mark ?? null,
    };
    try {
      const stored = await this.#keys.create({ id }, record);
      grant.making(id);
      return { gatewayKey: this.#view(stored), text };
    } catch (error) {
      const winner = idempotency && asKeyholdError(error).code === 'already_exists' ? await this.#earlier(id, idempotency) : undefined;
      if (winner === undefined) throw error;
      return winner;
    }
  }

  /** The tenant's keys by id, revoked ones included. */
  async list(grant: Grant, page: PageRequest): Promise<Page<GatewayKeyView>> {
    const { items, next } = await this.#keys.list(tenantOf(grant.use('gateway-key.read')), page);
    return { items: items.map((stored) => this.#view(stored)), next };
  }

  async get(grant: Grant): Promise<GatewayKeyView> {
    const { tenant, id } = named(grant.use('gateway-key.read'));
    const stored = await this.#keys.get({ id });
    if (stored === undefined || stored.record.tenant !== tenant) throw noGatewayKey();
    return this.#view(stored);
  }

  /** Changes what is named in the input. Throws `conflict` for a revoked key, and what `create` throws; who may not use the gateway opens no key and changes nothing that it reaches. */
  async update(grant: Grant, { ifMatch, ...input }: GatewayKeyChange): Promise<GatewayKeyView> {
    const resource = grant.use('gateway-key.update');
    if (input.disabled === false || REACH.some((name) => input[name] !== undefined)) requireUse(grant, tenantOf(resource));
    this.#requireMayOpen(grant, input);
    return this.#change(resource, ifMatch, (record) => {
      requireNotRevoked(record);
      return { ...record, ...appliedChoices(record.id, record, input, { catalog: this.#catalog, clock: this.#clock }) };
    });
  }

  /**
   * Gives the key a new text, once. The old one ends at once, or works on for `overlapSeconds` (0 to 7 days) while applications
   * change over; a still older one ends in any case.
   */
  async rotate(grant: Grant, { overlapSeconds = 0, ifMatch }: { readonly overlapSeconds?: number | undefined; readonly ifMatch?: IfMatch | undefined } = {}): Promise<{
    readonly gatewayKey: GatewayKeyView;
    readonly text: SecretValue;
  }> {
    const resource = grant.use('gateway-key.rotate');
    if (!Number.isSafeInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > MAX_OVERLAP_SECONDS) {
      throw new KeyholdError('invalid_argument', `overlapSeconds is a whole number from 0 to ${MAX_OVERLAP_SECONDS} (7 days).`, { details: { property: 'overlapSeconds' } });
    }
    const { tenant, id } = named(resource);
    requireUse(grant, tenant);
    const { text, digest } = mintToken('g', this.#random, id);
    const gatewayKey = await this.#change(resource, ifMatch, (record) => {
      requireNotRevoked(record);
      this.#requireMayOpen(grant, record);
      const validUntil = this.#clock.now() + overlapSeconds * 1_000;
      const previous = record.digests.find((old) => old.validUntil === null);
      const kept = overlapSeconds === 0 || previous === undefined ? [] : [{ digest: previous.digest, validUntil }];
      return { ...record, digests: [{ digest, validUntil: null }, ...kept], hint: tokenHint(text) };
    });
    return { gatewayKey, text };
  }

  /** Takes the key out of use until somebody of its tenant takes it back in; a revoked one stays as it is. */
  async disable(grant: Grant): Promise<GatewayKeyView> {
    return this.#change(grant.use('gateway-key.disable'), undefined, (record) => (record.disabled || record.revokedAt !== null ? undefined : { ...record, disabled: true }));
  }

  /** Ends the key for good, at once; ending it again changes nothing. */
  async revoke(grant: Grant, { ifMatch }: { readonly ifMatch?: IfMatch | undefined } = {}): Promise<GatewayKeyView> {
    return this.#change(grant.use('gateway-key.revoke'), ifMatch, (record) => (record.revokedAt === null ? { ...record, revokedAt: this.#clock.now() } : undefined));
  }

  async #change(resource: Resource, ifMatch: IfMatch | undefined, decide: (record: GatewayKeyRecord) => GatewayKeyRecord | undefined): Promise<GatewayKeyView> {
    const { tenant, id } = named(resource);
    const stored = await this.#keys.get({ id });
    if (stored === undefined || stored.record.tenant !== tenant) throw noGatewayKey();
    const changed = await changeRecord(this.#keys, { id }, {
      decide,
      ifMatch,
      missing: noGatewayKey,
      announce: (version) => this.#bus.publish({ topic: 'gateway-key', id, version }),
    });
    return this.#view(changed);
  }

  /** S2: routes that read or mint credentials are for a tenant-admin to open, whatever another role permits. */
  #requireMayOpen({ actor }: Grant, { routes }: Pick<GatewayKeyInput, 'routes'>): void {
    const minting = routes?.find((id) => this.#catalog.list().some(({ gateway }) => gateway?.routes.some((route) => route.id === id && route.credentials === true)));
    if (minting === undefined || actor.role === 'tenant-admin') return;
    throw new KeyholdError('permission_denied', `The route ${minting} makes keys that Keyhold knows nothing of. Only a tenant-admin opens it for a gateway key, or gives such a key a new text.`);
  }

  async #requireRoom(tenant: string): Promise<void> {
    if (!(await hasRoom((page) => this.#keys.list(tenant, page), ({ revokedAt }) => revokedAt === null, MAX_KEYS))) throw new KeyholdError('conflict', `The tenant has ${MAX_KEYS} gateway keys that are not revoked, and no more can be made. Revoke those that nobody uses.`);
  }

  async #earlier(id: string, idempotency: IdempotentRequest): Promise<CreatedGatewayKey | undefined> {
    const earlier = await this.#keys.get({ id });
    if (earlier === undefined) return undefined;
    idempotency.requireRepeat(earlier.record.idempotency);
    return { gatewayKey: this.#view(earlier), text: null };
  }

  #view(stored: Stored<GatewayKeyRecord>): GatewayKeyView {
    return gatewayKeyView(stored, this.#clock.now());
  }
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'Gateway keys belong to tenants. The platform has none.');
  return scope.tenant;
}

function named(resource: Resource): { tenant: string; id: string } {
  if (resource.id === undefined) throw noGatewayKey();
  return { tenant: tenantOf(resource), id: resource.id };
}

/** Nobody grants what they do not hold: a key uses the gateway, and whoever makes one has its text. */
function requireUse({ actor }: Grant, tenant: string): void {
  requireHeld(actor, tenantScope(tenant), ['gateway.use']);
}

function requireNotRevoked({ revokedAt }: GatewayKeyRecord): void {
  if (revokedAt !== null) throw new KeyholdError('conflict', 'This gateway key was revoked, which is for good. Make a new one.');
}

function noGatewayKey(): KeyholdError {
  return new KeyholdError('not_found', 'There is no gateway key with this id.');
}
