import type { PutIntent, SecretName } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import type { KeptSecret, ReadSecret } from './kept-secret.ts';
import { copyOf, fieldsOf, type Origin, originOf } from './secret-shape.ts';

export type FieldsDigest = (name: SecretName, version: number, fields: SecretFields) => string;

/** Which put of ours wrote a version, proven by its value: tags alone can be copied by hand onto another value. */
export function provenOrigin(name: SecretName, secret: ReadSecret, digest: FieldsDigest): Origin | undefined {
  const origin = originOf(secret);
  if (origin === undefined) return undefined;
  try {
    return digest(name, origin.version, fieldsOf(secret, undefined)) === origin.digest ? origin : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two versions hold the same put: the same intent wrote both (its answer was lost), or one is a copy of the other. */
export function isSamePut(one: KeptSecret, other: KeptSecret): boolean {
  if (one.version === other.version || copyOf(one) === other.version || copyOf(other) === one.version) return true;
  const intent = originOf(one)?.intent;
  return intent !== undefined && intent === originOf(other)?.intent;
}

/**
 * Whether a version was left by a put that built on the same base as this one and was given up: a record has one open intent at a time, and
 * had the other been committed, it would be the base. A later one than ours means that we are the one who was given up.
 */
export function isStrayBeside({ base, version, digest }: Origin, intent: PutIntent): boolean {
  return base === intent.cas && (version < intent.version || (version === intent.version && digest === intent.digest));
}
