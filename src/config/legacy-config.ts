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

/** What one value may take; several are opened at once. */
const MOST_SCRYPT_BYTES = 2 ** 30;

export function legacyConfig(reader: Reader): LegacyConfig {
  const key = reader.read(legacySettings.legacyKey);
  const cipher = reader.read(legacySettings.legacyCipher);
  const name = reader.read(legacySettings.legacyKdf);
  const encoding = reader.read(legacySettings.legacyEncoding);
  const [n, r, p] = [reader.read(legacySettings.legacyScryptN), reader.read(legacySettings.legacyScryptR), reader.read(legacySettings.legacyScryptP)];
  const problem = name === 'scrypt' ? scryptProblem(n, r) : undefined;
  if (problem !== undefined) reader.problems.push(problem);
  const [iterations, digest] = [reader.read(legacySettings.legacyPbkdf2Iterations), reader.read(legacySettings.legacyPbkdf2Digest)];
  const fernetKeys = reader.read(legacySettings.fernetKeys);
  const kdf: LegacyCipher['kdf'] = Object.freeze(name === 'scrypt' ? { name, n, r, p } : { name, iterations, digest });
  return Object.freeze({ cipher: key === null ? null : Object.freeze({ key, cipher, kdf, encoding }), fernetKeys });
}

/** RFC 7914, section 2: N is less than 2^(128 r / 8), and the work takes 128 N r bytes. */
function scryptProblem(n: number, r: number): string | undefined {
  const given = `${legacySettings.legacyScryptN.name} is ${n} with ${legacySettings.legacyScryptR.name} ${r}`;
  if (Math.log2(n) >= 16 * r) return `${given}, but scrypt takes no N of 2^${16 * r} or more with that block size. Take the earlier system's parameters, for example ${legacySettings.legacyScryptR.name}=8`;
  const bytes = 128 * n * r;
  if (bytes > MOST_SCRYPT_BYTES) return `${given}, which takes ${bytes / 2 ** 20} MiB for each value, but may take 1024 at most. Example: ${legacySettings.legacyScryptN.name}=16384`;
  return undefined;
}
