import type { AuditKeyStore } from '../../ports/audit-custody.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { createPrivateFile, movePrivateFile, readPrivateFile, removePrivateFile, replacePrivateFile } from '../key-wrapper/private-file.ts';

/**
 * The audit log's key in a file of its own (`KEYHOLD_AUDIT_KEY_FILE`), 0600: the key's line, then the public keys that it had before, one a
 * line. A key that is to come lies beside it as `<file>.next`. Made exclusively, synced, never through a symbolic link (S15). Throws
 * `StartError`: 6 for a file that is not private, 4 when it cannot be written, 8 when the disk is full.
 */
export function auditKeyFile(file: string, random: RandomBytes): AuditKeyStore {
  const next = `${file}.next`;
  const read = async (from: string): Promise<SecretValue | undefined> => {
    const text = await readPrivateFile(from);
    return text === undefined ? undefined : new SecretValue(text);
  };
  return {
    place: file,
    read: () => read(file),
    create: (text) => createPrivateFile(file, text.reveal(), random),
    readNext: () => read(next),
    putNext: (text) => replacePrivateFile(next, text.reveal(), random),
    useNext: () => movePrivateFile(next, file),
    dropNext: () => removePrivateFile(next),
  };
}
