import type { AuditKeyStore } from '../../ports/audit-custody.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { AuditRepository } from '../../ports/metadata/audit.ts';
import type { PlatformRecord, PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { StartError } from '../../ports/start-error.ts';
import { type AuditKeys, keptKeys, keptText } from './kept-keys.ts';
import { keyChangeNotes } from './key-changes.ts';
import { newSigningKeyLine } from './notes/signing-key.ts';
import { VerifierKey } from './notes/verifier-key.ts';

export interface AuditKeyDependencies {
  readonly keys: AuditKeyStore;
  readonly platform: PlatformRepository;
  readonly repository: Pick<AuditRepository, 'list'>;
  readonly random: RandomBytes;
  readonly clock: Clock;
}

type AuditLogRecord = Extract<PlatformRecord, { readonly name: 'audit-log' }>;

/** A name that no other log has; it says nothing of where Keyhold runs. */
export function newOrigin(random: RandomBytes): string {
  return `keyhold/${random(8).toString('hex')}`;
}

/**
 * The log's key, made at the first start (S30). Ends a change of it that a crash has interrupted: the row in the log decides. Throws
 * `StartError` (6) when the key is missing although the log has one, or is another log's.
 */
export async function loadOrCreateAuditKey(dependencies: AuditKeyDependencies): Promise<AuditKeys> {
  const { keys, platform, random } = dependencies;
  await finishChange(dependencies);
  const record = await recordOf(platform);
  let text = await keys.read();
  if (text === undefined) {
    if (record !== undefined) throw missing(keys.place);
    await keys.create(keptText(newSigningKeyLine(newOrigin(random), random), []));
    text = await keys.read();
  }
  const found = text === undefined ? undefined : keptKeys(text);
  if (found === undefined) {
    throw new StartError(6, `${keys.place} does not hold the audit log's key (a line PRIVATE+KEY+…, then public keys). Restore it from your backup, or point KEYHOLD_AUDIT_KEY_FILE to where it is now.`);
  }
  await requireThisLog(found, record, dependencies);
  return found;
}

/** The public key of a log whose key file is lost, as the database knows it. Throws `StartError` (6) when it is not lost. */
export async function lostAuditKey(dependencies: AuditKeyDependencies): Promise<{ readonly current: VerifierKey; readonly former: readonly VerifierKey[] }> {
  await finishChange(dependencies);
  const { keys, platform } = dependencies;
  if ((await keys.read()) !== undefined) throw new StartError(6, `The audit log's key ${keys.place} is not lost: it is there. Leave out --lost, so that it signs the change.`);
  const stored = await recordOf(platform);
  if (stored === undefined) throw new StartError(6, 'This audit log never had a key. The next start of Keyhold makes one.');
  return { current: new VerifierKey(stored.record.origin, Buffer.from(stored.record.publicKey, 'base64')), former: [] };
}

/** A key was to come when the process before ended: it has come if the log says so, and never was otherwise. */
async function finishChange({ keys, repository }: AuditKeyDependencies): Promise<void> {
  const text = await keys.readNext();
  if (text === undefined) return;
  const next = keptKeys(text)?.current.verifier;
  const announced = next !== undefined && (await keyChangeNotes(repository)).some((note) => note.split('\n').includes(String(next)));
  await (announced ? keys.useNext() : keys.dropNext());
}

/** The database names the key that signs its log, so that two logs never get heads of one name, nor one log those of two keys by mistake. */
async function requireThisLog({ current: { verifier }, former }: AuditKeys, stored: Stored<AuditLogRecord> | undefined, { keys, platform, clock }: AuditKeyDependencies): Promise<void> {
  const wanted = auditLogRecord(verifier, clock);
  if (stored === undefined) {
    try {
      await platform.create({ name: 'audit-log' }, wanted);
      return;
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    }
  }
  const { record, revision } = stored ?? (await recordOf(platform)) ?? { record: wanted, revision: 0 };
  if (isKey(verifier, record)) return;
  if (!former.some((key) => isKey(key, record))) {
    throw new StartError(6, `${keys.place} holds the key of another audit log (${verifier.name}; the database's is ${record.origin}). Restore this log's own from your backup, or point KEYHOLD_AUDIT_KEY_FILE to where it is now.`);
  }
  await platform.replace({ name: 'audit-log' }, wanted, revision);
}

/** What the database keeps of the key. */
export function auditLogRecord({ name, publicKey }: VerifierKey, clock: Clock): AuditLogRecord {
  return { name: 'audit-log', origin: name, publicKey: publicKey.toString('base64'), changedAt: clock.now() };
}

function isKey({ name, publicKey }: VerifierKey, record: AuditLogRecord): boolean {
  return name === record.origin && publicKey.toString('base64') === record.publicKey;
}

async function recordOf(platform: PlatformRepository): Promise<Stored<AuditLogRecord> | undefined> {
  const stored = await platform.get({ name: 'audit-log' });
  return stored?.record.name === 'audit-log' ? { record: stored.record, revision: stored.revision } : undefined;
}

function missing(place: string): StartError {
  return new StartError(
    6,
    `The audit log's key ${place} is missing. Heads of the log were signed with it, and a new one could not continue them, so none is made. Restore it from your backup, or point KEYHOLD_AUDIT_KEY_FILE to where it is now. ` +
      'If it is lost for good, `keyhold audit rotate-key --lost` makes a new one; who verifies the log then needs the new public key from you.',
  );
}
