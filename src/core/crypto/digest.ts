import { createHmac } from 'node:crypto';
import type { SecretFields } from '../../ports/secret-value.ts';
import { frame } from './framing.ts';

const FORMAT = 'keyhold field digest 1';

/**
 * Keyed digest of a credential's fields, for `PutIntent.digest`: equal for equal fields in any order, and without the key it
 * says nothing about a value. HMAC-SHA-256 in hex over the framed names and values, ascending by name.
 */
export function fieldsDigest(key: Buffer, fields: SecretFields): string {
  const parts = Object.keys(fields)
    .sort()
    .flatMap((name) => [name, fields[name]?.reveal() ?? '']);
  return createHmac('sha256', key).update(frame([FORMAT, ...parts])).digest('hex');
}
