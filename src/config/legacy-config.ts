import type { LegacyCipher } from '../core/crypto/legacy/legacy-cipher.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { legacySettings } from './legacy-settings.ts';
import type { Reader } from './reader.ts';

/** What opens the values of an earlier system, in credentials that are marked as such (R3.4). */
export interface LegacyConfig {
  /** null: no passphrase is given. */
  readonly cipher: LegacyCipher | null;
  /** Newest first. */
  readonly fernetKeys: readonly SecretValue[];
}

export function legacyConfig(reader: Reader): LegacyConfig {
  const key = reader.read(legacySettings.legacyKey);
  const cipher = reader.read(legacySettings.legacyCipher);
  const name = reader.read(legacySettings.legacyKdf);
  const encoding = reader.read(legacySettings.legacyEncoding);
  const [n, r, p] = [reader.read(legacySettings.legacyScryptN), reader.read(legacySettings.legacyScryptR), reader.read(legacySettings.legacyScryptP)];
  const [iterations, digest] = [reader.read(legacySettings.legacyPbkdf2Iterations), reader.read(legacySettings.legacyPbkdf2Digest)];
  const fernetKeys = reader.read(legacySettings.fernetKeys);
  const kdf: LegacyCipher['kdf'] = Object.freeze(name === 'scrypt' ? { name, n, r, p } : { name, iterations, digest });
  return Object.freeze({ cipher: key === null ? null : Object.freeze({ key, cipher, kdf, encoding }), fernetKeys });
}
