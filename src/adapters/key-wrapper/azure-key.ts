import type { CryptographyClient, KeyClient } from '@azure/keyvault-keys';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { StartError } from '../../ports/start-error.ts';
import { type AzureIdentity, openAzureCredential } from '../azure/azure-credential.ts';
import { AzureFailure } from '../azure/azure-failure.ts';
import { type AzureRefusal, understood } from '../azure/azure-refusal.ts';
import { RefusalBodies } from '../azure/refusal-bodies.ts';
import { boundToContext, fromItsContext } from './context-in-plaintext.ts';

const ALGORITHM = 'RSA-OAEP-256';
const FORMAT = 1;
const VERSION_BYTES = 16;
const VERSION = /^[0-9a-f]{32}$/;
const ANSWER_MS = 15_000;

export interface AzureKeyOptions {
  /** The vault, without a slash at the end. */
  readonly vaultUrl: string;
  /** The key's name there: an RSA key of 2048 bits or more. It must exist: none is made. */
  readonly key: string;
  readonly identity: AzureIdentity;
}

/** The official library with our settings, loaded when the first call needs it. */
interface Clients {
  readonly keys: KeyClient;
  readonly versionOf: (version: string) => CryptographyClient;
}

/**
 * Wraps by an RSA key in Azure Key Vault (RSA-OAEP-256), whose private half never leaves it. RSA takes no associated data, so the context is in
 * the plaintext. What is kept: the format's byte, the key's version (16 bytes), the ciphertext. Always the newest version wraps. Throws
 * `unavailable` while the vault cannot be asked, and `StartError` 6 when there is no such key, or Azure forbids its use.
 */
export function openAzureKey({ vaultUrl, key, identity }: AzureKeyOptions): KeyWrapper {
  const place = `${vaultUrl}/keys/${key}`;
  const bodies = new RefusalBodies();
  let opened: Promise<Clients> | undefined;
  const clients = (): Promise<Clients> => (opened ??= open(place, { vaultUrl, identity }, bodies));
  const ask = async <T>(permission: 'get' | 'wrapKey' | 'unwrapKey', work: (client: Clients) => Promise<T>): Promise<T | AzureRefusal> => {
    let meaning: AzureRefusal | AzureFailure;
    try {
      return await work(await clients());
    } catch (error) {
      meaning = understood(error, bodies.of(error));
    }
    if (meaning instanceof AzureFailure) throw new KeyholdError('unavailable', meaning.message, { cause: meaning, retryAfterSeconds: meaning.retryAfterSeconds ?? 5 });
    if (meaning.status === 403) throw forbidden(place, key, permission, meaning);
    return meaning;
  };
  return {
    kind: 'azure-key',
    place,
    async wrap(rootKey, context) {
      const newest = await ask('get', async ({ keys }) => keys.getKey(key, { abortSignal: AbortSignal.timeout(ANSWER_MS) }));
      if (isRefusal(newest)) throw noKey(place);
      const { version = '' } = newest.properties;
      if (!VERSION.test(version) || !newest.keyType?.startsWith('RSA')) throw noKey(place);
      const plaintext = boundToContext(rootKey, context);
      const wrapped = await ask('wrapKey', async ({ versionOf }) => versionOf(version).wrapKey(ALGORITHM, plaintext, { abortSignal: AbortSignal.timeout(ANSWER_MS) }));
      plaintext.fill(0);
      if (isRefusal(wrapped)) throw noKey(place);
      return Buffer.concat([Buffer.of(FORMAT), Buffer.from(version, 'hex'), wrapped.result]);
    },
    async unwrap(wrapped, context) {
      const version = wrapped.subarray(1, 1 + VERSION_BYTES);
      const ciphertext = wrapped.subarray(1 + VERSION_BYTES);
      if (wrapped[0] !== FORMAT || version.length !== VERSION_BYTES || ciphertext.length === 0) throw corrupt();
      const answer = await ask('unwrapKey', async ({ versionOf }) => versionOf(version.toString('hex')).unwrapKey(ALGORITHM, ciphertext, { abortSignal: AbortSignal.timeout(ANSWER_MS) }));
      if (!isRefusal(answer)) return fromItsContext(Buffer.from(answer.result), context);
      const exists = await ask('get', async ({ keys }) => keys.getKey(key, { abortSignal: AbortSignal.timeout(ANSWER_MS) }));
      throw isRefusal(exists) ? noKey(place) : corrupt();
    },
  };
}

async function open(place: string, { vaultUrl, identity }: Pick<AzureKeyOptions, 'vaultUrl' | 'identity'>, bodies: RefusalBodies): Promise<Clients> {
  const [library, credential] = await Promise.all([import('@azure/keyvault-keys'), openAzureCredential(identity)]);
  const options = {
    disableChallengeResourceVerification: identity.isDisconnected,
    retryOptions: { maxRetries: 1 },
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [{ policy: bodies.policy, position: 'perCall' as const }],
  };
  return { keys: new library.KeyClient(vaultUrl, credential, options), versionOf: (version) => new library.CryptographyClient(`${place}/${version}`, credential, options) };
}

function isRefusal(answer: object): answer is AzureRefusal {
  return 'status' in answer && 'objectId' in answer;
}

function forbidden(place: string, key: string, permission: string, { code }: AzureRefusal): StartError {
  const vault = new URL(place).hostname.split('.')[0] ?? '';
  if (code === 'KeyDisabled') return new StartError(6, `The Azure key ${place} is disabled, or the version that wrapped the root key is. Enable it: az keyvault key set-attributes --vault-name ${vault} --name ${key} --enabled true`);
  return new StartError(
    6,
    `The user, group or application does not have keys ${permission} permission on ${place}. With access policies: az keyvault set-policy --name ${vault} --object-id <object id> --key-permissions get wrapKey unwrapKey. With RBAC, the role "Key Vault Crypto User": az role assignment create --assignee <object id> --role "Key Vault Crypto User" --scope <the vault's id>`,
  );
}

function noKey(place: string): StartError {
  const { hostname, pathname } = new URL(place);
  return new StartError(6, `There is no RSA key ${place} that wraps with ${ALGORITHM}. Check KEYHOLD_AZURE_KEY; for a new Keyhold, make it: az keyvault key create --vault-name ${hostname.split('.')[0] ?? ''} --name ${pathname.split('/').at(-1) ?? ''} --kty RSA --size 3072 --ops wrapKey unwrapKey`);
}

function corrupt(): KeyholdError {
  return new KeyholdError('corrupt', 'What is kept of the root key was not wrapped by this key of Azure, or was changed.');
}
