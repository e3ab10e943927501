import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialRecord, OfferTo, SettingValue } from '../../ports/metadata/credentials.ts';
import { kindOf, type LegacyForm, ownVaultOf, type StoreKind } from '../../ports/secret-store.ts';
import { type IfMatch, requireMatch } from '../versions/etag.ts';

export type CredentialState = 'active' | 'disabled' | 'expired' | 'revoked' | 'deleted' | 'purged';

/** What may be shown of a credential (R0.2): never a value. Times are milliseconds since the epoch. */
export interface CredentialView {
  readonly service: string;
  readonly label: string;
  readonly id: string;
  readonly state: CredentialState;
  readonly storedIn: StoreKind;
  /** It lies in the tenant's own vault (S20); left out otherwise. */
  readonly ownVault?: true;
  /** Kept as an earlier system has encrypted it (R3.4); left out otherwise. */
  readonly legacy?: LegacyForm;
  /** By field, the last characters of its value; empty where a value is too short to show any (S22). */
  readonly hints: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly version: number;
  /** Without quotes. */
  readonly etag: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number | null;
  readonly weight: number;
  readonly notes: string;
  readonly disabled: boolean;
  /** Platform credentials only. */
  readonly offerTo?: OfferTo;
  readonly revokedAt: number | null;
  readonly deletedAt: number | null;
  /** In the answer to a PUT: what looked unusual about the values (S5). */
  readonly warnings?: readonly string[];
}

/** The state as it is shown and as resolution sees it: what can never serve again first, then what may come back. */
export function credentialState(record: CredentialRecord, now: number): CredentialState | 'new' {
  if (record.state !== 'active') return record.state;
  if (record.disabled) return 'disabled';
  return record.expiresAt !== null && record.expiresAt <= now ? 'expired' : 'active';
}

export function credentialView(record: CredentialRecord, now: number): CredentialView {
  const { current } = record;
  const state = credentialState(record, now);
  if (current === null || state === 'new') throw new KeyholdError('internal', 'A credential that was never stored cannot be shown.');
  return {
    service: record.service,
    label: record.label,
    id: current.id,
    state,
    storedIn: kindOf(current.reference.store),
    ...(ownVaultOf(current.reference.store) === undefined ? {} : { ownVault: true as const }),
    ...(current.reference.legacy === undefined ? {} : { legacy: current.reference.legacy }),
    hints: Object.fromEntries(current.fields.map(({ name, hint }) => [name, hint])),
    settings: current.settings,
    version: current.version,
    etag: credentialEtag(record),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    expiresAt: record.expiresAt,
    weight: record.weight,
    notes: record.notes,
    disabled: record.disabled,
    ...(record.offerTo === null ? {} : { offerTo: record.offerTo }),
    revokedAt: record.revokedAt,
    deletedAt: record.deletedAt,
  };
}

/** Two numbers that only grow (S22), without quotes: housekeeping in the record does not make a caller's tag stale. */
function credentialEtag(record: CredentialRecord): string {
  return `${record.current?.version ?? 0}-${record.edition}`;
}

/** Throws `precondition_failed` unless the condition holds for the record as it is (R0.3); a name without a credential matches nothing. */
export function requireMatchingCredential(ifMatch: IfMatch | undefined, record: CredentialRecord | undefined): void {
  requireMatch(ifMatch, record !== undefined && isThere(record) ? credentialEtag(record) : undefined);
}

/** Whether callers see it: its first put has happened, and it has not been purged. */
export function isThere({ state }: CredentialRecord): boolean {
  return state !== 'new' && state !== 'purged';
}
