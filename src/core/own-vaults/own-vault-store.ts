import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { OwnVaultConnector } from '../../ports/own-vault.ts';
import { type OwnStoreId, ownVaultOf, type SecretName, type SecretReference, type SecretStore, StoreUntouched } from '../../ports/secret-store.ts';
import { OwnVaultRefusal } from '../credentials/store-errors.ts';

export interface OwnVaultStoreOptions {
  readonly id: OwnStoreId;
  /** The vault's store as it is now. Throws `OwnVaultGone` when there is no way to it any more; with `forNew` also while nothing new goes there. */
  readonly open: (options?: { readonly forNew?: boolean }) => Promise<SecretStore>;
  readonly connector: Pick<OwnVaultConnector, 'kinds'>;
  readonly log: Log;
}

/** The vault is not registered any more, or what opened it is gone. What lies there is its owner's. */
export class OwnVaultGone extends KeyholdError {
  constructor(cause?: unknown) {
    super('not_found', 'This key was kept in a vault of the tenant\'s own that Keyhold has no access to any more. Store the key again with PUT.', { cause });
    this.name = 'OwnVaultGone';
  }
}

/**
 * One tenant's own vault as a store like any other. Its references name it, and names of any other tenant are refused, so that whatever goes wrong
 * around it no value reaches or leaves another tenant's vault (R10.2). It is opened when it is needed.
 */
export function ownVaultStore({ id, open, connector, log }: OwnVaultStoreOptions): SecretStore {
  const vault = ownVaultOf(id);
  if (vault === undefined) throw new KeyholdError('internal', 'This is no tenant\'s own vault.');
  const { kind, tenant } = vault;
  const { capabilities, traceOf } = connector.kinds[kind];

  const outside = (reference: SecretReference): SecretReference => ({ ...reference, store: id });
  const inside = (reference: SecretReference): SecretReference => {
    requireOwn(reference.name);
    if (reference.store !== id) throw new KeyholdError('internal', 'A reference into another vault was about to be used in a tenant\'s own.');
    return { ...reference, store: kind };
  };
  const requireOwn = ({ scope }: SecretName): void => {
    if (scope.kind !== 'tenant' || scope.tenant !== tenant) throw new KeyholdError('internal', 'A tenant\'s own vault was about to be used for somebody else.');
  };
  const on = async <T>(work: (store: SecretStore) => Promise<T>, forNew = false): Promise<T> => {
    try {
      return await work(await open({ forNew }));
    } catch (error) {
      throw ofTenant(error, tenant);
    }
  };
  /** Taking something away from where we have no access any more: that is the vault's owner's to do. */
  const away = async (reference: SecretReference, work: (store: SecretStore, inVault: SecretReference) => Promise<void>): Promise<void> => {
    const inVault = inside(reference);
    try {
      await on((store) => work(store, inVault));
    } catch (error) {
      if (!(error instanceof OwnVaultGone)) throw error;
      log.warn('left_in_own_vault', 'A value that is out of use stays in a tenant\'s own vault, to which Keyhold has no access any more', { tenantId: tenant, service: reference.name.service, label: reference.name.label });
    }
  };
  const unlessGone = async (work: (store: SecretStore) => Promise<SecretReference | undefined>): Promise<SecretReference | undefined> => {
    try {
      const found = await on(work);
      return found === undefined ? undefined : outside(found);
    } catch (error) {
      if (error instanceof OwnVaultGone) return undefined;
      throw error;
    }
  };

  return {
    kind,
    id,
    capabilities,
    put: async (name, fields, intent, notes) => {
      requireOwn(name);
      return outside(await on((store) => store.put(name, fields, intent, notes), true));
    },
    get: async (reference) => {
      const inVault = inside(reference);
      return on((store) => store.get(inVault));
    },
    probe: async (name, intent) => {
      requireOwn(name);
      return unlessGone((store) => store.probe(name, intent));
    },
    giveUp: async (name, intent) => {
      requireOwn(name);
      return unlessGone(async (store) => store.giveUp?.(name, intent));
    },
    ...(traceOf === undefined
      ? {}
      : {
          traceOf: (name, intent) => {
            requireOwn(name);
            return outside(traceOf(name, intent));
          },
        }),
    newerThan: async (reference) => {
      const inVault = inside(reference);
      return unlessGone(async (store) => store.newerThan?.(inVault));
    },
    newestBase: async (name) => {
      requireOwn(name);
      return on(async (store) => (await store.newestBase?.(name)) ?? null);
    },
    newest: async (name) => {
      requireOwn(name);
      return unlessGone(async (store) => store.newest?.(name));
    },
    copies: async (name) => {
      requireOwn(name);
      return on(async (store) => (await store.copies?.(name)) ?? []);
    },
    remove: (reference) => away(reference, (store, inVault) => store.remove(inVault)),
    restore: async (reference) => {
      const inVault = inside(reference);
      await on((store) => store.restore(inVault));
    },
    destroy: (reference) => away(reference, (store, inVault) => store.destroy(inVault)),
    health: () =>
      open().then(
        (store) => store.health(),
        // What is gone need not be waited for: whatever is asked of it is answered here.
        (error: unknown) => ({ connected: error instanceof OwnVaultGone, latencyMs: 0 }),
      ),
  };
}

/** An outage or a refusal of a vault of theirs is nothing that an operator could look into. */
function ofTenant(error: unknown, tenant: string): unknown {
  const known = asKeyholdError(error);
  const test = `POST /api/v1/tenants/${tenant}/vault/test says what is wrong.`;
  if (known.code === 'permission_denied') return new OwnVaultRefusal(`The tenant's own vault refuses Keyhold. ${test}`, { cause: known, retryAfterSeconds: 30 });
  if (known.code !== 'unavailable') return error;
  const options = { cause: known, retryAfterSeconds: known.retryAfterSeconds ?? 5, outage: known.outage };
  const message = `The tenant's own vault cannot be used right now. ${test}`;
  return known instanceof StoreUntouched ? new StoreUntouched(message, options) : new KeyholdError('unavailable', message, options);
}
