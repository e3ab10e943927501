import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { TenantRecord, TenantRepository } from '../../ports/metadata/tenants.ts';
import { checkedName } from '../access/checked-input.ts';
import type { Grant } from '../access/grant.ts';
import type { IdempotentRequest } from '../access/idempotency.ts';
import type { Resource } from '../access/resource.ts';
import { newTokenId } from '../access/token-text.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { IfMatch } from '../versions/etag.ts';
import { type TenantView, tenantView } from './tenant-view.ts';

export interface TenantServiceDependencies {
  readonly tenants: TenantRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface NewTenant {
  /** Left out: generated. */
  readonly id?: string | undefined;
  readonly name: string;
}

export interface TenantChange {
  readonly name?: string | undefined;
  readonly state?: string | undefined;
  readonly ifMatch?: IfMatch | undefined;
}

/** R0.2. */
const TENANT_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The tenants (R0.2). An id is never used again: a tenant that is gone leaves a tombstone (S10). */
export class TenantService {
  readonly #tenants: TenantRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor({ tenants, bus, clock, random }: TenantServiceDependencies) {
    this.#tenants = tenants;
    this.#bus = bus;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Makes a tenant; the same request again gives the one it made (S27). Throws `invalid_argument`, `already_exists` for an id that
   * is or was in use, `conflict` for an Idempotency-Key of another request.
   */
  async create(grant: Grant, input: NewTenant, idempotency?: IdempotentRequest): Promise<TenantView> {
    grant.use('tenant.create');
    const name = checkedName(input.name);
    const id = input.id ?? `t${idempotency?.id ?? newTokenId(this.#random)}`;
    if (!TENANT_ID.test(id)) {
      throw new KeyholdError('invalid_argument', 'A tenant\'s id is 1 to 63 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or a digit. Leave it out to have one made.', {
        details: { property: 'id' },
      });
    }
    const record: TenantRecord = {
      id,
      name,
      state: 'active',
      adminTokens: [],
      createdAt: this.#clock.now(),
      createdBy: grant.actor.id,
      deletedAt: null,
      idempotency: idempotency?.mark ?? null,
    };
    let stored: Stored<TenantRecord>;
    try {
      stored = await this.#tenants.create({ tenant: id }, record);
    } catch (error) {
      if (asKeyholdError(error).code !== 'already_exists') throw error;
      return this.#earlier(id, input, idempotency);
    }
    grant.making(id);
    await this.#announce(id, stored.revision);
    return tenantView(stored);
  }

  /** By id. Tenants that are gone are left out, so that a page may hold fewer than were asked for. */
  async list(grant: Grant, page: PageRequest): Promise<Page<TenantView>> {
    grant.use('tenant.list');
    const { items, next } = await this.#tenants.list(page);
    return { items: items.filter(({ record }) => record.state !== 'deleted').map(tenantView), next };
  }

  async get(grant: Grant): Promise<TenantView> {
    const tenant = tenantOf(grant.use('tenant.read'));
    const stored = await this.#tenants.get({ tenant });
    if (stored === undefined || stored.record.state === 'deleted') throw noTenant(tenant);
    return tenantView(stored);
  }

  /** Renames, suspends or makes active again. Throws `conflict` for a tenant that is being deleted, which cannot be undone. */
  async update(grant: Grant, { name, state, ifMatch }: TenantChange): Promise<TenantView> {
    const tenant = tenantOf(grant.use('tenant.update'));
    const newName = name === undefined ? undefined : checkedName(name);
    if (state !== undefined && state !== 'active' && state !== 'suspended') {
      throw new KeyholdError('invalid_argument', 'state is active or suspended. DELETE removes a tenant.', { details: { property: 'state' } });
    }
    return this.#change(tenant, ifMatch, (record) => {
      if (record.state === 'deleted') throw noTenant(tenant);
      if (record.state === 'deleting') throw new KeyholdError('conflict', `Tenant ${tenant} is being deleted, which cannot be undone.`);
      return { ...record, name: newName ?? record.name, state: state ?? record.state };
    });
  }

  /** Begins the removal: from now on nothing works in the tenant, and a job ends what is in it. Beginning again changes nothing. */
  async remove(grant: Grant, { ifMatch }: { readonly ifMatch?: IfMatch | undefined } = {}): Promise<TenantView> {
    const tenant = tenantOf(grant.use('tenant.delete'));
    return this.#change(tenant, ifMatch, (record) => {
      if (record.state === 'deleted') throw noTenant(tenant);
      return record.state === 'deleting' ? undefined : { ...record, state: 'deleting' };
    });
  }

  /** Turns a tenant in removal, from which everything is gone, into the tombstone that keeps its id from being used again. */
  async finishRemoval(grant: Grant): Promise<TenantView> {
    const tenant = tenantOf(grant.use('tenant.delete'));
    return this.#change(tenant, undefined, (record) => {
      if (record.state !== 'deleting') throw new KeyholdError('conflict', `Tenant ${tenant} is not being deleted.`);
      return { ...record, state: 'deleted', name: '', adminTokens: [], deletedAt: this.#clock.now() };
    });
  }

  async #change(tenant: string, ifMatch: IfMatch | undefined, decide: (record: TenantRecord) => TenantRecord | undefined): Promise<TenantView> {
    const changed = await changeRecord(this.#tenants, { tenant }, {
      decide,
      ifMatch,
      missing: () => noTenant(tenant),
      announce: (revision) => this.#announce(tenant, revision),
    });
    return tenantView(changed);
  }

  async #earlier(id: string, input: NewTenant, idempotency: IdempotentRequest | undefined): Promise<TenantView> {
    const earlier = await this.#tenants.get({ tenant: id });
    const mark = earlier?.record.idempotency ?? null;
    // Under a given id another request may have made it; a generated one is this Idempotency-Key's alone.
    if (earlier === undefined || idempotency === undefined || (input.id !== undefined && mark?.bodyDigest !== idempotency.mark.bodyDigest)) {
      throw taken(id, earlier?.record.state);
    }
    idempotency.requireRepeat(mark);
    if (earlier.record.state === 'deleted') throw taken(id, 'deleted');
    return tenantView(earlier);
  }

  #announce(tenant: string, version: number): Promise<void> {
    return this.#bus.publish({ topic: 'tenant', tenant, version });
  }
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'The platform is not a tenant.');
  return scope.tenant;
}

function noTenant(tenant: string): KeyholdError {
  return new KeyholdError('not_found', `There is no tenant ${tenant}.`);
}

function taken(tenant: string, state: TenantRecord['state'] | undefined): KeyholdError {
  return state === 'deleted' || state === 'deleting'
    ? new KeyholdError('already_exists', `There was a tenant ${tenant}, and a tenant's id is never used again. Choose another one.`)
    : new KeyholdError('already_exists', `There is a tenant ${tenant} already.`);
}
