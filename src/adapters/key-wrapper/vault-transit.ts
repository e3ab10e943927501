import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { decodeBase64 } from '../../core/crypto/base64.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { StartError } from '../../ports/start-error.ts';
import type { VaultAnswer, VaultClient } from '../vault/vault-client.ts';
import { VaultFailure } from '../vault/vault-failure.ts';
import { boundToContext, fromItsContext } from './context-in-plaintext.ts';

const Encrypted = Type.Object({ data: Type.Object({ ciphertext: Type.String() }) });
const Decrypted = Type.Object({ data: Type.Object({ plaintext: Type.String() }) });
const CIPHERTEXT = /^vault:v([1-9]\d{0,8}):(.+)$/;

const FORMAT = 1;
const HEAD = 5;

export interface VaultTransitOptions {
  readonly client: Pick<VaultClient, 'request'>;
  /** Where the transit engine is mounted, without slashes around it. */
  readonly mount: string;
  /** The key's name there. It must exist: none is made. */
  readonly key: string;
}

/**
 * Wraps by a key in Vault's transit engine, which never leaves Vault. The context is associated data, and in the plaintext, too, for an engine
 * that does not know associated data and ignores it. RSA keys are not used: Vault answers a wrong ciphertext of theirs as if it failed itself.
 * What is kept is binary, so that each text of Vault's has one form: the format's byte, four of the key's version, the ciphertext. Throws `unavailable` while Vault cannot be asked, and
 * `StartError` 6 when there is no such engine or key, or Vault forbids its use.
 */
export function openVaultTransit({ client, mount, key }: VaultTransitOptions): KeyWrapper {
  const place = `${mount}/keys/${key}`;
  const ask = async (operation: 'encrypt' | 'decrypt', body: Readonly<Record<string, unknown>>): Promise<VaultAnswer> => {
    const path = `${mount}/${operation}/${key}`;
    try {
      return await client.request({ method: 'POST', path, body, capability: 'update' });
    } catch (error) {
      throw asStartError(error, { mount, key, path });
    }
  };
  return {
    kind: 'vault-transit',
    place,
    async wrap(rootKey, context) {
      const plaintext = boundToContext(rootKey, context);
      const body = { plaintext: plaintext.toString('base64'), associated_data: context.toString('base64') };
      plaintext.fill(0);
      const answer = await ask('encrypt', body);
      if (answer.status === 400) throw noKey(place, mount, key);
      return packed(ciphertextIn(answer));
    },
    async unwrap(wrapped, context) {
      const answer = await ask('decrypt', { ciphertext: ciphertextOf(wrapped), associated_data: context.toString('base64') });
      if (answer.status === 400) throw refusal(answer, place, mount, key);
      return fromItsContext(plaintextIn(answer), context);
    },
  };
}

function packed(ciphertext: string): Buffer {
  const [, version, encoded = ''] = CIPHERTEXT.exec(ciphertext) ?? [];
  const bytes = decodeBase64(encoded);
  if (version === undefined || bytes === undefined) throw strange();
  const head = Buffer.alloc(HEAD);
  head.writeUInt8(FORMAT);
  head.writeUInt32BE(Number(version), 1);
  return Buffer.concat([head, bytes]);
}

function ciphertextOf(wrapped: Buffer): string {
  if (wrapped.length <= HEAD || wrapped[0] !== FORMAT) throw corrupt();
  return `vault:v${wrapped.readUInt32BE(1)}:${wrapped.subarray(HEAD).toString('base64')}`;
}

function ciphertextIn({ status, body }: VaultAnswer): string {
  if (status !== 200 || !Value.Check(Encrypted, body)) throw strange();
  return body.data.ciphertext;
}

function plaintextIn({ status, body }: VaultAnswer): Buffer {
  const plaintext = status === 200 && Value.Check(Decrypted, body) ? decodeBase64(body.data.plaintext) : undefined;
  if (plaintext === undefined) throw strange();
  return plaintext;
}

/** Vault's words only tell one 400 from another. */
function refusal({ errors }: VaultAnswer, place: string, mount: string, key: string): Error {
  if (errors.some((error) => /key not found|no such key/i.test(error))) return noKey(place, mount, key);
  if (errors.some((error) => error.includes('disallowed by policy'))) {
    return new StartError(6, `Vault no longer opens what an older version of the key ${place} has wrapped: its min_decryption_version was raised. Lower it (vault write ${mount}/keys/${key}/config min_decryption_version=1), start, and then change to the newest version: keyhold keys rotate`);
  }
  return corrupt();
}

function asStartError(error: unknown, { mount, key, path }: { readonly mount: string; readonly key: string; readonly path: string }): unknown {
  if (error instanceof KeyholdError && error.cause instanceof VaultFailure && error.cause.trouble === 'no-engine') {
    return new StartError(6, `Vault has no transit engine at ${mount}. Check KEYHOLD_TRANSIT_MOUNT and VAULT_NAMESPACE; a new engine is made by: vault secrets enable -path=${mount} transit`, { cause: error });
  }
  if (error instanceof KeyholdError && error.code === 'permission_denied') {
    return new StartError(6, `Vault does not allow Keyhold to use ${path}, or there is no such key. Add to its policy: path "${path}" { capabilities = ["update"] } — a new key is made by: vault write -f ${mount}/keys/${key}`, { cause: error });
  }
  if (error instanceof KeyholdError && error.code === 'unavailable' && error.cause instanceof VaultFailure) {
    return new KeyholdError('unavailable', error.cause.message, { cause: error.cause, retryAfterSeconds: error.retryAfterSeconds ?? 5 });
  }
  return error;
}

function noKey(place: string, mount: string, key: string): StartError {
  return new StartError(6, `Vault has no key ${place} that encrypts with associated data (type aes256-gcm96 or chacha20-poly1305). Check KEYHOLD_TRANSIT_KEY; for a new Keyhold, make the key: vault write -f ${mount}/keys/${key}`);
}

function corrupt(): KeyholdError {
  return new KeyholdError('corrupt', 'What is kept of the root key was not wrapped by this key of Vault, or was changed.');
}

function strange(): KeyholdError {
  return new KeyholdError('unavailable', 'Vault answered a question to its transit engine in a way that Keyhold does not understand.', { retryAfterSeconds: 30 });
}
