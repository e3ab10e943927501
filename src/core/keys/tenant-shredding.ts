import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Page, PageRequest, Stored } from '../../ports/metadata/stored.ts';
import type { ShreddedKey, ShreddingRecord, TenantRecord, TenantRepository } from '../../ports/metadata/tenants.ts';
import type { MetadataStore } from '../../ports/metadata-store.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { Grant } from '../access/grant.ts';
import type { SigningKey } from '../audit/notes/signing-key.ts';
import type { DataKeys } from '../crypto/data-keys.ts';
import { changeRecord } from '../versions/change-record.ts';
import type { KnownCopies } from './known-copies.ts';
import { signCertificate } from './shredding-certificate.ts';
import type { KeyStepHook } from './steps.ts';
import { wipeIfPossible } from './wiping.ts';

export interface TenantShreddingDependencies {
  readonly tenants: TenantRepository;
  readonly dataKeys: DataKeys;
  readonly copies: Pick<KnownCopies, 'inVaults' | 'ofDatabase'>;
  /** Takes what is gone out of the database's own files. */
  readonly wipe: MetadataStore['wipe'];
  /** The audit log's key. */
  readonly signer: SigningKey;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: KeyStepHook;
}

/** A shredding as it is shown. */
export interface ShreddingView extends ShreddingRecord {
  readonly tenant: string;
}

/**
 * Destroys a tenant's data keys, so that whatever was sealed under them is unreadable, wherever a copy of it lies (S16). The tenant's own record
 * notes each key with its commitment before it is destroyed, so that a process that died is followed by the next one, and nothing is forgotten in
 * the certificate.
 */
export class TenantShredding {
  readonly #dependencies: TenantShreddingDependencies;

  constructor(dependencies: TenantShreddingDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins the removal of the tenant, as its deletion does, destroys its data keys now, and takes them out of the database's files. Can be repeated. */
  async shredNow(grant: Grant): Promise<ShreddingView> {
    const { scope } = grant.use('tenant.shred');
    if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'The platform is not a tenant.');
    await this.#change(scope.tenant, (record) => (record.state === 'deleting' ? undefined : { ...record, state: 'deleting' }));
    const shredding = await this.#destroyKeys(scope.tenant, grant.actor.id);
    // The keys are gone either way, and the certificate waits for it.
    await wipeIfPossible(this.#dependencies, 'A tenant\'s data keys are', { tenantId: scope.tenant });
    return shredding;
  }

  /** What is left of it once nothing of the tenant is used any more: the last keys, the database's files, the certificate. Can be repeated. */
  async finish(grant: Grant): Promise<ShreddingView> {
    const { scope } = grant.use('tenant.shred');
    if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'The platform is not a tenant.');
    const { copies, wipe, signer, clock, log, step } = this.#dependencies;
    const { tenant } = scope;
    const inVaults = await copies.inVaults(tenant);
    const { certificate: certified, ...shredding } = await this.#destroyKeys(tenant, grant.actor.id);
    if (certified !== null) return { ...shredding, certificate: certified };
    await wipe();
    await step('shred.wiped');
    const now = clock.now();
    const certificate = signCertificate({ ...shredding, certifiedAt: now, copies: [copies.ofDatabase(now), ...inVaults] }, signer);
    const record = await this.#change(tenant, (present) => (present.shredding === undefined ? undefined : { ...present, shredding: { ...present.shredding, certificate } }));
    await step('shred.certified');
    log.info('tenant_shredded', 'A tenant\'s data keys are destroyed, and certified to be', { tenantId: tenant, count: shredding.keys.length });
    return viewOf(record);
  }

  /** Those that were begun, by tenant, also of tenants that are gone. A page may hold fewer than were asked for. */
  async list(grant: Grant, tenant: string | null, page: PageRequest): Promise<Page<ShreddingView>> {
    grant.use('shredding.read');
    const { tenants } = this.#dependencies;
    const one = tenant === null ? undefined : await tenants.get({ tenant });
    const found: Page<Stored<TenantRecord>> = tenant === null ? await tenants.list(page) : { items: one === undefined ? [] : [one], next: undefined };
    return { items: found.items.flatMap(({ record }) => (record.shredding === undefined ? [] : [viewOf(record)])), next: found.next };
  }

  async #destroyKeys(tenant: string, requestedBy: string): Promise<ShreddingView> {
    const { dataKeys, clock, step } = this.#dependencies;
    const scope = tenantScope(tenant);
    let record = await this.#noted(tenant, requestedBy, []);
    // A write that was under way may make another key; what it seals goes with the tenant's credentials.
    for (let keys = await dataKeys.list(scope); keys.length > 0; keys = await dataKeys.list(scope)) {
      const noted: ShreddedKey[] = [];
      for (const { id, createdAt } of keys) noted.push({ id, createdAt, commitment: await dataKeys.commitmentOf(scope, id), destroyedAt: null });
      record = await this.#noted(tenant, requestedBy, noted);
      await step('shred.noted');
      for (const { id } of keys) {
        await dataKeys.retire(scope, id);
        await dataKeys.destroy(scope, id);
        await step('shred.destroyed');
      }
    }
    // Noted, and not among those that are there: destroyed, by this process or the one before.
    record = await this.#change(tenant, ({ shredding, ...present }) => {
      if (shredding === undefined || shredding.keys.every(({ destroyedAt }) => destroyedAt !== null)) return undefined;
      return { ...present, shredding: { ...shredding, keys: shredding.keys.map((key) => ({ ...key, destroyedAt: key.destroyedAt ?? clock.now() })) } };
    });
    await step('shred.recorded');
    return viewOf(record);
  }

  /** The tenant's record with these keys in it. What was certified before is certified again when there are others. */
  async #noted(tenant: string, requestedBy: string, keys: readonly ShreddedKey[]): Promise<TenantRecord> {
    return this.#change(tenant, (record) => {
      const shredding = record.shredding ?? { startedAt: this.#dependencies.clock.now(), requestedBy, keys: [], certificate: null };
      const added = keys.filter((key) => shredding.keys.every((known) => known.id !== key.id || known.createdAt !== key.createdAt));
      if (record.shredding !== undefined && added.length === 0) return undefined;
      return { ...record, shredding: { ...shredding, keys: [...shredding.keys, ...added], certificate: added.length === 0 ? shredding.certificate : null } };
    });
  }

  async #change(tenant: string, decide: (record: TenantRecord) => TenantRecord | undefined): Promise<TenantRecord> {
    const { tenants, bus } = this.#dependencies;
    const { record } = await changeRecord(tenants, { tenant }, {
      decide: (present) => {
        if (present.state === 'deleted') throw noTenant(tenant);
        return decide(present);
      },
      missing: () => noTenant(tenant),
      announce: (version) => bus.publish({ topic: 'tenant', tenant, version }),
    });
    return record;
  }
}

function viewOf({ id, shredding }: TenantRecord): ShreddingView {
  if (shredding === undefined) throw new KeyholdError('internal', 'A shredding is not in the tenant\'s record.');
  return { tenant: id, ...shredding };
}

function noTenant(tenant: string): KeyholdError {
  return new KeyholdError('not_found', `There is no tenant ${tenant}.`);
}
