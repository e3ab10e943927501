import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultRecord, OwnVaultRepository, OwnVaultSettings } from '../../ports/metadata/own-vaults.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { OwnVaultAccess, OwnVaultConnector, TrialStep, TrialStepName } from '../../ports/own-vault.ts';
import type { StoreId } from '../../ports/secret-store.ts';
import type { Grant } from '../access/grant.ts';
import type { Resource } from '../access/resource.ts';
import { etagOf, type IfMatch, requireMatch } from '../versions/etag.ts';
import type { KeptThere } from './kept-there.ts';
import { type OwnVaultInput, requestedOwnVault } from './own-vault-request.ts';
import type { OwnVaultSecrets } from './own-vault-secrets.ts';
import { type OwnVaultView, ownVaultView } from './own-vault-view.ts';
import { ownStoreId } from './own-vaults.ts';

export interface OwnVaultServiceDependencies {
  readonly records: OwnVaultRepository;
  readonly secrets: OwnVaultSecrets;
  readonly connector: OwnVaultConnector;
  readonly kept: KeptThere;
  /** Where new values go without an own vault. */
  readonly usualStore: StoreId;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface ChangeOptions {
  readonly ifMatch?: IfMatch | undefined;
  readonly force?: boolean | undefined;
}

export interface PutOwnVault {
  readonly created: boolean;
  readonly view: OwnVaultView;
  readonly steps: readonly TrialStep[];
  /** Credentials whose values move there, or away from it, within the next minutes. */
  readonly moving: number;
}

/** The vault that a tenant brings for its own credentials (S20): one each. */
export class OwnVaultService {
  readonly #dependencies: OwnVaultServiceDependencies;

  constructor(dependencies: OwnVaultServiceDependencies) {
    this.#dependencies = dependencies;
  }

  /** Throws `not_found` where the tenant has none. */
  async get(grant: Grant): Promise<OwnVaultView> {
    return ownVaultView(await this.#required(tenantOf(grant.use('own-vault.read'))));
  }

  /**
   * Registers the vault, or changes how it is reached. Whatever changes besides `takesNew` needs what opens it again in the same request (S3). Throws
   * `invalid_argument` for what cannot be, and where signing in fails, unless `force` is set; `conflict` for another vault while the one before still keeps something.
   */
  async put(grant: Grant, input: OwnVaultInput, { ifMatch, force = false }: ChangeOptions): Promise<PutOwnVault> {
    const tenant = tenantOf(grant.use('own-vault.put'));
    const { records, secrets, connector, kept, usualStore, clock, random } = this.#dependencies;
    const before = await records.get({ tenant });
    requireMatch(ifMatch, before === undefined ? undefined : etagOf(before.revision));
    const requested = requestedOwnVault(input, before?.record);
    const settings = connector.checked(requested.settings);
    const { takesNew } = requested;
    if (requested.secret === undefined && (before === undefined || !isDeepStrictEqual(before.record.settings, settings))) throw secretMissing(settings, before?.record.settings);
    const isSamePlace = before !== undefined && placeOf(before.record.settings) === placeOf(settings);
    if (before !== undefined && !isSamePlace) await this.#requireUnused(before.record);
    const secret = requested.secret ?? (await secrets.open(before?.record ?? missing(tenant)));
    const steps = await this.#tried({ tenant, settings, secret }, 'sign-in');
    if (!force) requireSignedIn(steps);

    const sealed = requested.secret === undefined && before !== undefined ? before.record.secret : await secrets.keep(tenant, secret);
    const now = clock.now();
    const record: OwnVaultRecord = {
      tenant,
      id: isSamePlace && before !== undefined ? before.record.id : random(8).toString('hex'),
      state: 'active',
      takesNew,
      settings,
      secret: sealed,
      createdAt: isSamePlace && before !== undefined ? before.record.createdAt : now,
      updatedAt: now,
      changedBy: grant.actor.id,
    };
    const stored = await (before !== undefined && !isSamePlace ? this.#inPlaceOf(before, record) : this.#write(before, record)).catch(async (error: unknown) => {
      if (sealed !== before?.record.secret) await this.#destroyUnlessKept(tenant, sealed);
      throw error;
    });
    if (before !== undefined && sealed !== before.record.secret) await secrets.destroy(before.record.secret.reference);
    const moving = await kept.callHome(tenant, takesNew ? ownStoreId(record) : usualStore);
    return { created: before === undefined, view: ownVaultView(stored), steps, moving };
  }

  /** Forgets the vault and what opens it; nothing in it is touched. Throws `conflict` while credentials are kept there, unless `force` is set: then their values are lost to Keyhold. */
  async remove(grant: Grant, { ifMatch, force = false }: ChangeOptions): Promise<void> {
    const tenant = tenantOf(grant.use('own-vault.delete'));
    const stored = await this.#required(tenant);
    requireMatch(ifMatch, etagOf(stored.revision));
    if (!force) await this.#requireUnused(stored.record);
    await this.#forget(force ? stored : await this.#vacated(stored));
  }

  /** What is left of a vault when its tenant has gone. Can be repeated. */
  async removeAll(grant: Grant): Promise<void> {
    const tenant = tenantOf(grant.use('own-vault.delete'));
    const stored = await this.#dependencies.records.get({ tenant });
    if (stored !== undefined) await this.#forget(stored);
    await this.#dependencies.secrets.destroyAll(tenant);
  }

  /** Tries everything that Keyhold does there, with a secret of its own. */
  async test(grant: Grant): Promise<readonly TrialStep[]> {
    const tenant = tenantOf(grant.use('own-vault.test'));
    const { record } = await this.#required(tenant);
    return this.#tried({ tenant, settings: record.settings, secret: await this.#dependencies.secrets.open(record) }, 'delete');
  }

  /** A write whose answer was lost may have happened: what the record opens the vault with now stays. What stays for nothing goes with the tenant. */
  async #destroyUnlessKept(tenant: string, { reference }: OwnVaultRecord['secret']): Promise<void> {
    const { records, secrets } = this.#dependencies;
    const now = await records.get({ tenant }).catch(() => null);
    if (now === null || now?.record.secret.reference.name.label === reference.name.label) return;
    await secrets.destroy(reference);
  }

  /** On a connection of its own: how it has been of late must not speak for how it is. */
  async #tried(access: OwnVaultAccess, last: TrialStepName): Promise<readonly TrialStep[]> {
    const connection = this.#dependencies.connector.open(access);
    try {
      return await connection.trial(last);
    } finally {
      await connection.close();
    }
  }

  async #required(tenant: string): Promise<Stored<OwnVaultRecord>> {
    return (await this.#dependencies.records.get({ tenant })) ?? missing(tenant);
  }

  async #requireUnused(record: OwnVaultRecord): Promise<void> {
    const kept = await this.#dependencies.kept.in(record.tenant, ownStoreId(record));
    if (kept.length === 0) return;
    const next = record.takesNew
      ? 'Send PUT with "takesNew": false first: their values move to Keyhold\'s own store within minutes. Then repeat this.'
      : 'Their values are on their way to Keyhold\'s own store: repeat this in a few minutes. A deleted credential keeps its place until it is purged.';
    throw new KeyholdError(
      'conflict',
      `Credentials of the tenant are kept in this vault, or have not been cleared from it yet: ${kept.length}. ${next} With ?force=true DELETE forgets the vault at once, and these keys must be stored again.`,
      { details: { credentials: kept.slice(0, 100).map(({ service, label }) => ({ service, label })) } },
    );
  }

  /** No put begins there from now on, and none that began before is left. */
  async #vacated(before: Stored<OwnVaultRecord>): Promise<Stored<OwnVaultRecord>> {
    const closing = await this.#write(before, { ...before.record, state: 'closing' });
    try {
      await this.#requireUnused(closing.record);
      return closing;
    } catch (error) {
      await this.#write(closing, before.record);
      throw error;
    }
  }

  async #inPlaceOf(before: Stored<OwnVaultRecord>, record: OwnVaultRecord): Promise<Stored<OwnVaultRecord>> {
    const closing = await this.#vacated(before);
    try {
      return await this.#write(closing, record);
    } catch (error) {
      await this.#write(closing, before.record).catch(() => undefined);
      throw error;
    }
  }

  async #forget({ record, revision }: Stored<OwnVaultRecord>): Promise<void> {
    const { records, secrets } = this.#dependencies;
    try {
      await records.remove({ tenant: record.tenant }, revision);
    } finally {
      await this.#announce(record.tenant, revision);
    }
    await secrets.destroy(record.secret.reference);
  }

  async #write(before: Stored<OwnVaultRecord> | undefined, record: OwnVaultRecord): Promise<Stored<OwnVaultRecord>> {
    const { records } = this.#dependencies;
    const key = { tenant: record.tenant };
    try {
      const after = before === undefined ? await records.create(key, record) : await records.replace(key, record, before.revision);
      await this.#announce(record.tenant, after.revision);
      return after;
    } catch (error) {
      // The write may have happened although its answer was lost: nobody goes on with what was cached before.
      await this.#announce(record.tenant, before?.revision ?? 0);
      if (error instanceof KeyholdError && (error.code === 'conflict' || error.code === 'already_exists')) {
        throw new KeyholdError('conflict', 'The vault is being changed by somebody else at the same time. Nothing was changed; send the request again.', { cause: error });
      }
      throw error;
    }
  }

  #announce(tenant: string, version: number): Promise<void> {
    return this.#dependencies.bus.publish({ topic: 'own-vault', tenant, version });
  }
}

/** What must be the same for references into it to stay good. */
function placeOf(settings: OwnVaultSettings): string {
  return settings.kind === 'vault' ? JSON.stringify([settings.address, settings.namespace, settings.mount]) : JSON.stringify([settings.url]);
}

function requireSignedIn(steps: readonly TrialStep[]): void {
  const failed = steps.find(({ outcome }) => outcome === 'failed');
  if (failed === undefined) return;
  throw new KeyholdError('invalid_argument', `Nothing was changed, since the vault cannot be used so (?force=true registers it all the same). ${failed.reason ?? ''}`, { details: { step: failed.step } });
}

function secretMissing(settings: OwnVaultSettings, before: OwnVaultSettings | undefined): KeyholdError {
  const property = settings.kind === 'vault' ? 'auth' : 'clientSecret';
  const known = new Map<string, unknown>(Object.entries(before ?? {}));
  const others = before?.kind === settings.kind ? Object.entries(settings).filter(([name, value]) => !isDeepStrictEqual(known.get(name), value)).map(([name]) => name) : [];
  const why = others.length === 0 ? '' : ` This one is not as it is registered: ${others.join(', ')}. What is left out counts as changed, too.`;
  return new KeyholdError('invalid_argument', `${property} is missing: what opens the vault has to come with every request that says where it is or who Keyhold is there. Only takesNew can be changed without it.${why}`, { details: { property } });
}

function missing(tenant: string): never {
  throw new KeyholdError('not_found', `Tenant ${tenant} has no vault of its own. PUT registers one.`);
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'The platform has no vault of a tenant.');
  return scope.tenant;
}
