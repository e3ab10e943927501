import type { AuditKeyStore, HeadStore } from '../../ports/audit-custody.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { PlatformRepository } from '../../ports/metadata/sealed.ts';
import { platformScope } from '../../ports/scope.ts';
import { systemActor } from '../access/actor.ts';
import { auditLogRecord } from './audit-key.ts';
import type { AuditLog } from './audit-log.ts';
import { type AuditKeys, keptText } from './kept-keys.ts';
import type { LogTree } from './log-tree.ts';
import { signCheckpoint } from './notes/checkpoint.ts';
import { signKeyChange } from './notes/key-change.ts';
import { newSigningKeyLine, parseSigningKey, type SigningKey } from './notes/signing-key.ts';
import type { VerifierKey } from './notes/verifier-key.ts';

export interface ChangeKeyDependencies {
  readonly keys: AuditKeyStore;
  readonly heads: HeadStore;
  readonly platform: PlatformRepository;
  readonly audit: AuditLog;
  readonly tree: LogTree;
  readonly random: RandomBytes;
  readonly clock: Clock;
}

/** What is changed: the key that is in use, or, where it was lost, the public key that the database knows. */
export type OldKeys = AuditKeys | { readonly current: VerifierKey; readonly former: readonly VerifierKey[] };

/** The public key that signed until now, then those before it. */
export function publicKeysOf({ current, former }: OldKeys): readonly [VerifierKey, ...VerifierKey[]] {
  return ['verifier' in current ? current.verifier : current, ...former];
}

/**
 * Gives the log another key under `origin`. The change is decided by its intent row, which keeps a note signed by both keys (S30); until then
 * nothing has happened, and from then on every start ends it. Returns the new key. Nothing else may write the log meanwhile.
 */
export async function changeKey(old: OldKeys, action: 'audit-key.rotate' | 'audit-log.accept-restored', origin: string, dependencies: ChangeKeyDependencies): Promise<SigningKey> {
  const { keys, heads, platform, audit, tree, random, clock } = dependencies;
  const line = newSigningKeyLine(origin, random);
  const next = parseSigningKey(line);
  if (next === undefined) throw new KeyholdError('internal', 'A new key of the audit log cannot be read back.');
  const [before] = publicKeysOf(old);
  await keys.putNext(keptText(line, publicKeysOf(old)));
  const resource = { scope: platformScope, id: `${before.id.toString('hex')}-${next.verifier.id.toString('hex')}` };
  const intent = await audit.intent({ actor: systemActor('command-line'), action, resource, requestId: null, note: signKeyChange(old.current, next) });
  await keys.useNext();
  const stored = await platform.get({ name: 'audit-log' });
  const record = auditLogRecord(next.verifier, clock);
  await (stored === undefined ? platform.create({ name: 'audit-log' }, record) : platform.replace({ name: 'audit-log' }, record, stored.revision));
  await audit.outcome(intent, 'ok', null);
  await tree.catchUp();
  await heads.keep(signCheckpoint({ origin, size: tree.size, root: tree.root() }, next));
  return next;
}
