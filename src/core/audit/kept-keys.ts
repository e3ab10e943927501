import { SecretValue } from '../../ports/secret-value.ts';
import { parseSigningKey, type SigningKey } from './notes/signing-key.ts';
import { parseVerifierKey, type VerifierKey } from './notes/verifier-key.ts';

/** The key that signs now, and those that did before, the latest first. */
export interface AuditKeys {
  readonly current: SigningKey;
  readonly former: readonly VerifierKey[];
}

/** More are forgotten, the oldest first; the log's own rows know every one. */
const MOST_FORMER = 20;

/** The keys as they are kept: the key's line, then the former public keys, one a line. */
export function keptText(keyLine: SecretValue, former: readonly VerifierKey[]): SecretValue {
  return new SecretValue([keyLine.reveal(), ...former.slice(0, MOST_FORMER).map(String), ''].join('\n'));
}

/** The keys that such a text keeps; undefined when it is none. */
export function keptKeys(text: SecretValue): AuditKeys | undefined {
  const [line = '', ...others] = text.reveal().replace(/\n$/, '').split('\n');
  const current = parseSigningKey(new SecretValue(line));
  const former = others.map((other) => parseVerifierKey(other));
  if (current === undefined || !former.every((key) => key !== undefined)) return undefined;
  return { current, former };
}

/** Every public key under which a head of this log may be signed. */
export function verifiersOf({ current, former }: AuditKeys): readonly VerifierKey[] {
  return [current.verifier, ...former];
}
