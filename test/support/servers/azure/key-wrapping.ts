import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { badParameter, KeyVaultError } from './key-vault-error.ts';
import type { Attributes, Fields, Tags } from './object-fields.ts';

export interface KeyVersion {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly privateKey: KeyObject;
  operations: readonly string[];
  tags: Tags;
  readonly attributes: Attributes;
}

const hashes = { 'RSA-OAEP': 'sha1', 'RSA-OAEP-256': 'sha256' } as const;

/** Wraps or encrypts with the public key, unwraps or decrypts with the private one. The RSA operation of each pair is the same. */
export function keyOperation(operation: 'wrapKey' | 'unwrapKey' | 'encrypt' | 'decrypt', version: KeyVersion, { alg, value }: Fields, seconds: number): Buffer {
  if (alg !== 'RSA-OAEP' && alg !== 'RSA-OAEP-256') throw badParameter(`Key and signing algorithm are incompatible: ${String(alg)} is not one of RSA-OAEP, RSA-OAEP-256.`);
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value)) throw badParameter('Property value has invalid value\r\n');
  const outward = operation === 'wrapKey' || operation === 'encrypt';
  mustAllow(operation, version, outward, seconds);
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashes[alg] };
  const bytes = Buffer.from(value, 'base64url');
  try {
    return outward ? publicEncrypt({ key: createPublicKey(version.privateKey), ...padding }, bytes) : privateDecrypt({ key: version.privateKey, ...padding }, bytes);
  } catch {
    throw badParameter('The parameter is incorrect.\r\n');
  }
}

/** What is wrapped by an expired key can still be unwrapped (https://learn.microsoft.com/azure/key-vault/keys/about-keys-details). */
function mustAllow(operation: string, { operations, attributes: { enabled, nbf, exp } }: KeyVersion, outward: boolean, seconds: number): void {
  if (!enabled) throw new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not allowed on a disabled key.`, 'KeyDisabled');
  if (!operations.includes(operation)) throw new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not permitted on this key.`, 'KeyOperationForbidden');
  if (outward && nbf !== undefined && nbf > seconds) throw new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not allowed on a key that is not yet valid.`, 'KeyNotYetValid');
  if (outward && exp !== undefined && exp <= seconds) throw new KeyVaultError(403, 'Forbidden', `Operation ${operation} is not allowed on an expired key.`, 'KeyExpired');
}
