import type { CredentialIntent, CredentialRecord, CurrentVersion, FieldHint, OfferTo, RetiredVersion } from '../../ports/metadata/credentials.ts';
import type { SecretReference, StoreId } from '../../ports/secret-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey } from '../../ports/metadata/credentials.ts';

/**
 * What each step makes of a record. Pure: every rule about a credential's states is here, and each result is written with one
 * compare-and-set.
 */

/** The record of a name that was never used. */
export function emptyRecord({ scope, service, label }: CredentialKey, now: number): CredentialRecord {
  return {
    scope,
    service,
    label,
    state: 'new',
    disabled: false,
    current: null,
    version: 0,
    edition: 0,
    intent: null,
    retired: [],
    expiresAt: null,
    weight: 1,
    notes: '',
    offerTo: null,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    revokedAt: null,
    revokeReason: null,
  };
}

/** Opens an intent. A put uses up its version number, whatever becomes of it. A removal that is still open is owed on. */
export function begun(record: CredentialRecord, intent: CredentialIntent): CredentialRecord {
  const owed = record.intent?.operation === 'remove' ? record.intent : undefined;
  return { ...record, version: Math.max(record.version, intent.version), intent: owed === undefined ? intent : { ...intent, owed } };
}

/** The put of the open intent is in the store: it becomes the live version, and the one before leaves use. */
export function putCommitted(record: CredentialRecord, reference: SecretReference, now: number, retireGraceMs: number): CredentialRecord {
  const next = record.intent?.next;
  if (next === undefined || next === null) throw new KeyholdError('internal', 'There is no open put to commit.');
  return madeCurrent(record, next, reference, now, retireGraceMs);
}

/** A version that lies in a store becomes the live one, and the one before leaves use. */
export function madeCurrent(record: CredentialRecord, next: NonNullable<CredentialIntent['next']>, reference: SecretReference, now: number, retireGraceMs: number): CredentialRecord {
  const { expiresAt, offerTo, ...content } = next;
  // A new version of a live credential keeps what belongs to the credential; a new credential begins afresh (R3.3).
  const lives = record.state === 'active';
  return {
    ...record,
    state: 'active',
    disabled: lives && record.disabled,
    current: { ...content, reference },
    version: Math.max(record.version, content.version),
    edition: record.edition + 1,
    intent: null,
    retired: without(retiring(record, now + (lives ? retireGraceMs : 0)), [reference]),
    ...leaving(record, reference.store),
    expiresAt,
    weight: lives ? record.weight : 1,
    notes: lives ? record.notes : '',
    offerTo: offerTo ?? record.offerTo,
    createdAt: lives ? record.createdAt : now,
    updatedAt: now,
    deletedAt: null,
    revokedAt: null,
    revokeReason: null,
  };
}

/** A version that somebody wrote into a store. `isPlain`: as it must not stay there, since values are sealed before they are stored. */
export interface OutsideVersion {
  readonly reference: SecretReference;
  readonly fields: readonly FieldHint[];
  readonly isPlain: boolean;
}

/** It becomes the live one, under the settings, expiry and everything else of the credential. */
export function adopted(record: CredentialRecord, { reference, fields, isPlain }: OutsideVersion, now: number, retireGraceMs: number): CredentialRecord {
  if (record.current === null || record.state !== 'active') throw new KeyholdError('internal', 'Only a live credential can take over a version.');
  const version = record.version + 1;
  return {
    ...record,
    current: { ...record.current, version, fields, createdAt: now, createdBy: 'outside', reference, ...(isPlain ? { home: reference.store } : {}) },
    version,
    edition: record.edition + 1,
    retired: without(retiring(record, now + retireGraceMs), [reference]),
    updatedAt: now,
  };
}

/** The live version lies in another store now, or in another place of its own: it is the same version, and nothing but where it is changes. */
export function movedTo(record: CredentialRecord, reference: SecretReference, now: number, retireGraceMs: number): CredentialRecord {
  if (record.current === null || record.state !== 'active') throw new KeyholdError('internal', 'Only a live credential can be moved.');
  const { home: _arrived, ...current } = record.current;
  // Moving has read the value, of which there may have been no hints before.
  const fields = record.intent?.next?.fields ?? current.fields;
  return {
    ...record,
    current: { ...current, fields, reference },
    edition: record.edition + 1,
    intent: null,
    retired: without(retiring(record, now + retireGraceMs), [reference]),
    ...leaving(record, reference.store),
    updatedAt: now,
  };
}

/** The store that the live value is to be written to: one that could not be reached when it was stored (R3.5), or its own, where it has to be sealed there. */
export function homeOf({ state, current }: CredentialRecord): StoreId | undefined {
  return state === 'active' ? current?.home : undefined;
}

/** Closes an intent that changed nothing, or whose change was visible from its beginning. */
export function intentClosed(record: CredentialRecord): CredentialRecord {
  return { ...record, intent: record.state === 'deleted' ? (record.intent?.owed ?? null) : null };
}

/**
 * The put of the open intent never happened. Where making sure of that moved the live value, the record follows it; a value that has left use before or since is
 * destroyed in its new place, too.
 */
export function putGivenUp(record: CredentialRecord, moved: SecretReference | undefined, now: number, retireGraceMs: number): CredentialRecord {
  const closed = intentClosed(record);
  const { current, retired, leftIn } = record;
  const base = record.intent?.cas ?? undefined;
  if (moved === undefined || base === undefined) return closed;
  if (leftIn?.[moved.store] === base && current?.reference.store !== moved.store) {
    return { ...closed, leftIn: { ...leftIn, [moved.store]: moved.version }, retired: [...retired, { reference: moved, version: record.version, destroyAfter: now }] };
  }
  // A put that was to replace what somebody else had written moved that, which is not ours.
  if (current === null || current.reference.version !== base || current.reference.store !== moved.store) return closed;
  if (record.state !== 'active') return { ...closed, retired: [...retired, { reference: moved, version: current.version, destroyAfter: now }] };
  return { ...closed, current: { ...current, reference: { ...current.reference, version: moved.version } }, retired: without(retiring(record, now + retireGraceMs), [moved]) };
}

/** A put that was given up may still arrive in its store: what it leaves there is looked for when the time has come. */
export function expecting(record: CredentialRecord, trace: SecretReference, version: number, destroyAfter: number): CredentialRecord {
  return { ...record, retired: [...record.retired, { reference: trace, version, destroyAfter, late: true }] };
}

/** Out of use at once; the open intent removes the value from the store's readers. */
export function deleted(record: CredentialRecord, intent: CredentialIntent, now: number): CredentialRecord {
  return { ...record, state: 'deleted', edition: record.edition + 1, intent, updatedAt: now, deletedAt: now };
}

export function restored(record: CredentialRecord, now: number): CredentialRecord {
  return { ...record, state: 'active', edition: record.edition + 1, intent: null, updatedAt: now, deletedAt: null };
}

/** Terminal: no value of it will serve again, and whatever the store lets us destroy is due now. An open put is given up. */
export function revoked(record: CredentialRecord, now: number, reason: string | null): CredentialRecord {
  return {
    ...record,
    state: 'revoked',
    edition: record.edition + 1,
    intent: record.intent?.operation === 'put' || record.intent?.operation === 'move' ? { ...record.intent, operation: 'put', next: null } : null,
    retired: retiring(record, now).map((version) => dueBy(version, now)),
    updatedAt: now,
    deletedAt: null,
    revokedAt: now,
    revokeReason: reason,
  };
}

/** Nothing is left but the name, its ids and its version number. */
export function purged(record: CredentialRecord, now: number): CredentialRecord {
  return {
    ...record,
    state: 'purged',
    current: record.current === null ? null : withoutContent(record.current),
    edition: record.edition + 1,
    intent: null,
    retired: retiring(record, now).map((version) => dueBy(version, now)),
    notes: '',
    updatedAt: now,
  };
}

export interface Changes {
  readonly expiresAt?: number | null | undefined;
  readonly weight?: number | undefined;
  readonly disabled?: boolean | undefined;
  readonly notes?: string | undefined;
  readonly offerTo?: OfferTo | undefined;
}

export function updated(record: CredentialRecord, changes: Changes, now: number): CredentialRecord {
  return {
    ...record,
    expiresAt: changes.expiresAt === undefined ? record.expiresAt : changes.expiresAt,
    weight: changes.weight ?? record.weight,
    disabled: changes.disabled ?? record.disabled,
    notes: changes.notes ?? record.notes,
    offerTo: changes.offerTo ?? record.offerTo,
    edition: record.edition + 1,
    updatedAt: now,
  };
}

/** The record without the retired versions that have been destroyed. */
export function leftoversGone(record: CredentialRecord, destroyed: readonly SecretReference[]): CredentialRecord {
  return { ...record, retired: without(record.retired, destroyed) };
}

/**
 * The retired versions but for these. A version that becomes the live one is none of them, whatever was called so before: a store that was made to forget
 * a name numbers anew.
 */
function without(retired: readonly RetiredVersion[], references: readonly SecretReference[]): readonly RetiredVersion[] {
  return retired.filter(({ reference }) => !references.some(({ store, version }) => store === reference.store && version === reference.version));
}

/** The value of a live or a deleted credential joins the retired ones; that of a revoked or purged one did so before. */
function retiring(record: CredentialRecord, destroyAfter: number): readonly RetiredVersion[] {
  const { current, state } = record;
  if (current === null || (state !== 'active' && state !== 'deleted')) return record.retired;
  return [...record.retired, { reference: current.reference, version: current.version, destroyAfter }];
}

/** What the record remembers of the store that the live value leaves for another one. */
function leaving({ current, leftIn }: CredentialRecord, to: StoreId): Pick<CredentialRecord, 'leftIn'> {
  if (current === null || current.reference.store === to) return {};
  return { leftIn: { ...leftIn, [current.reference.store]: current.reference.version } };
}

function dueBy(version: RetiredVersion, now: number): RetiredVersion {
  // What has not arrived yet cannot be destroyed sooner.
  return version.late === true ? version : { ...version, destroyAfter: Math.min(version.destroyAfter, now) };
}

function withoutContent(current: CurrentVersion): CurrentVersion {
  return { ...current, fields: current.fields.map(({ name }) => ({ name, hint: '' })), settings: {} };
}
