import type { SecretValue } from '../ports/secret-value.ts';
import { fernetKeys, legacyKey, wholeNumber } from './legacy-parsers.ts';
import { oneOf } from './parsers.ts';
import type { Setting } from './settings.ts';
import { secretText } from './vault-parsers.ts';

const key: Setting<SecretValue | null> = {
  name: 'KEYHOLD_LEGACY_KEY',
  secret: true,
  description: [
    'Keys that an earlier system has encrypted (docs/adoption.md). The passphrase of its values iv:salt:ciphertext; it counts only for',
    'credentials that were adopted as such. Remove it when `keyhold migrate legacy` has moved the last one.',
  ],
  example: '<the earlier system\'s encryption key>',
  fallback: null,
  fallbackText: '',
  parse: legacyKey,
};

const cipher: Setting<'aes-256-gcm' | 'aes-256-cbc'> = {
  name: 'KEYHOLD_LEGACY_CIPHER',
  secret: false,
  description: ['How those values are encrypted: aes-256-gcm (the tag behind the ciphertext, or as a fourth part), or aes-256-cbc, which proves nothing about a value.'],
  example: 'aes-256-gcm',
  fallback: 'aes-256-gcm',
  fallbackText: 'aes-256-gcm',
  parse: oneOf('aes-256-gcm', 'aes-256-cbc'),
};

const kdf: Setting<'scrypt' | 'pbkdf2'> = {
  name: 'KEYHOLD_LEGACY_KDF',
  secret: false,
  description: ['How a value\'s key is derived from the passphrase and the value\'s salt: scrypt or pbkdf2.'],
  example: 'scrypt',
  fallback: 'scrypt',
  fallbackText: 'scrypt',
  parse: oneOf('scrypt', 'pbkdf2'),
};

const encoding: Setting<'hex' | 'base64'> = {
  name: 'KEYHOLD_LEGACY_ENCODING',
  secret: false,
  description: ['How their parts are written: hex or base64.'],
  example: 'hex',
  fallback: 'hex',
  fallbackText: 'hex',
  parse: oneOf('hex', 'base64'),
};

const scryptCost: Setting<number> = {
  name: 'KEYHOLD_LEGACY_SCRYPT_N',
  secret: false,
  description: ['scrypt\'s cost, block size and parallelism; by default those of Node\'s crypto.scrypt.'],
  example: '16384',
  fallback: 16_384,
  fallbackText: '16384',
  parse: wholeNumber({ from: 2, to: 2 ** 20, powerOfTwo: true }),
};

const scryptBlock: Setting<number> = {
  name: 'KEYHOLD_LEGACY_SCRYPT_R',
  secret: false,
  description: ['The block size.'],
  example: '8',
  fallback: 8,
  fallbackText: '8',
  parse: wholeNumber({ from: 1, to: 32 }),
};

const scryptParallel: Setting<number> = {
  name: 'KEYHOLD_LEGACY_SCRYPT_P',
  secret: false,
  description: ['The parallelism.'],
  example: '1',
  fallback: 1,
  fallbackText: '1',
  parse: wholeNumber({ from: 1, to: 16 }),
};

const iterations: Setting<number> = {
  name: 'KEYHOLD_LEGACY_PBKDF2_ITERATIONS',
  secret: false,
  description: ['PBKDF2\'s iterations and hash.'],
  example: '100000',
  fallback: 100_000,
  fallbackText: '100000',
  parse: wholeNumber({ from: 1, to: 10_000_000 }),
};

const digest: Setting<'sha1' | 'sha256' | 'sha512'> = {
  name: 'KEYHOLD_LEGACY_PBKDF2_DIGEST',
  secret: false,
  description: ['The hash: sha1, sha256 or sha512.'],
  example: 'sha512',
  fallback: 'sha512',
  fallbackText: 'sha512',
  parse: oneOf('sha1', 'sha256', 'sha512'),
};

const fernet: Setting<readonly SecretValue[]> = {
  name: 'KEYHOLD_FERNET_KEYS',
  secret: true,
  description: ['The keys of Fernet tokens (gAAAA…) that lie in Vault or in documents: 44 characters each, the newest first, between commas.'],
  example: '<newest key>,<older key>',
  fallback: Object.freeze([]),
  fallbackText: '',
  parse: fernetKeys,
};

const cosmosKey: Setting<SecretValue | null> = {
  name: 'KEYHOLD_ADOPT_COSMOS_KEY',
  secret: true,
  description: ['For `keyhold adopt cosmos` alone: a key of the Cosmos DB account with the earlier system\'s documents; a read-only one suffices.'],
  example: '<a key of the account>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

/** R3.4, R6.3. */
export const legacySettings = {
  legacyKey: key,
  legacyCipher: cipher,
  legacyKdf: kdf,
  legacyEncoding: encoding,
  legacyScryptN: scryptCost,
  legacyScryptR: scryptBlock,
  legacyScryptP: scryptParallel,
  legacyPbkdf2Iterations: iterations,
  legacyPbkdf2Digest: digest,
  fernetKeys: fernet,
  adoptCosmosKey: cosmosKey,
} as const;
