import { asKeyholdError, KeyholdError, type KeyholdErrorOptions } from '../../ports/errors.ts';
import { kindOf, ownVaultOf, type SecretStore, type StoreId, StoreUntouched } from '../../ports/secret-store.ts';
import { storedInWords } from './stored-in.ts';

/** The stores that are switched on, and tenants' own vaults. */
export type Stores = (id: StoreId) => SecretStore | undefined;

/** The store that keeps a value; `unavailable` while it is not switched on, since its values are not gone. */
export function storeOf(stores: Stores, id: StoreId): SecretStore {
  const store = stores(id);
  if (store !== undefined) return store;
  if (ownVaultOf(id) !== undefined) throw new KeyholdError('internal', 'Nothing opens the own vaults of tenants.');
  const { message, switchedOnBy } = storedInWords[kindOf(id)];
  throw new KeyholdError('unavailable', `This credential is kept in ${message}, which is not switched on. Its value is not lost: an operator has to switch it on again (${switchedOnBy}) and start Keyhold anew.`, { retryAfterSeconds: 60, outage: 'refused' });
}

/** A tenant's own vault refuses us: what its message says is for that tenant. */
export class OwnVaultRefusal extends KeyholdError {
  constructor(publicMessage: string, options: KeyholdErrorOptions = {}) {
    super('permission_denied', publicMessage, options);
    this.name = 'OwnVaultRefusal';
  }
}

/** The caller may not do this, whatever the store lets us do. */
export class CallerRefused extends KeyholdError {
  constructor(publicMessage: string) {
    super('permission_denied', publicMessage);
    this.name = 'CallerRefused';
  }
}

/** What a store says of us is not said of the caller: a refusal of our access is an outage. Everything else stays as it is. */
export function withoutOurRefusal(error: unknown): unknown {
  if (asKeyholdError(error).code !== 'permission_denied' || error instanceof CallerRefused) return error;
  if (error instanceof OwnVaultRefusal) return new KeyholdError('unavailable', error.publicMessage, { cause: error, retryAfterSeconds: 30, outage: 'refused' });
  return new KeyholdError('unavailable', 'The secret store refuses Keyhold. An operator has to restore its access; the log names what is missing.', { cause: error, retryAfterSeconds: 30, outage: 'refused' });
}

/** Why a key was not stored, in the documented words (R1.5) where it is the store's doing. */
export function notStored(error: unknown): unknown {
  const known = withoutOurRefusal(error);
  if (!(known instanceof KeyholdError) || known.code !== 'unavailable') return known;
  const { publicMessage, details, retryAfterSeconds, outage } = known;
  return new KeyholdError('unavailable', `Failed to store credentials: ${publicMessage}`, { cause: known, outage, ...(details === undefined ? {} : { details }), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

/**
 * Whether a store's refusal proves that it did nothing. After a time-out or a lost connection the change may have happened, or may
 * still be on its way: then only waiting and a probe tell.
 */
export function certainlyNothingHappened(error: unknown): boolean {
  if (error instanceof StoreUntouched) return true;
  const { code } = asKeyholdError(error);
  return code !== 'unavailable' && code !== 'timeout' && code !== 'canceled' && code !== 'internal' && code !== 'upstream_failed';
}
