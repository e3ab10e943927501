import { createHmac } from 'node:crypto';
import type { CredentialKey } from '../../ports/metadata/credentials.ts';
import { scopeKey } from '../../ports/scope.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { fieldsDigest } from '../crypto/digest.ts';
import { frame } from '../crypto/framing.ts';

/**
 * The keyed digest by which a put is proven (`PutIntent.digest`), hex. Another name or version gives another digest, so that equal
 * keys cannot be told from the database.
 */
export function credentialDigest(digestKey: Buffer, { scope, service, label }: CredentialKey, version: number, fields: SecretFields): string {
  const place = frame(['keyhold credential digest 1', scopeKey(scope), service, label, String(version)]);
  return fieldsDigest(createHmac('sha256', digestKey).update(place).digest(), fields);
}
