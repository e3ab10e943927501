import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultRecord, OwnVaultSettings } from '../../ports/metadata/own-vaults.ts';
import { SecretValue } from '../../ports/secret-value.ts';

/** An own vault as it is put. */
export interface OwnVaultInput {
  readonly kind: 'vault' | 'azure-key-vault';
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  readonly mount?: string | undefined;
  readonly auth?: { readonly token?: string | undefined; readonly roleId?: string | undefined; readonly secretId?: string | undefined } | undefined;
  readonly caCertificate?: string | undefined;
  readonly url?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly takesNew?: boolean | undefined;
}

export interface RequestedOwnVault {
  readonly settings: OwnVaultSettings;
  /** undefined: the one that is kept goes on. */
  readonly secret: SecretValue | undefined;
  readonly takesNew: boolean;
}

const ofVault = ['address', 'namespace', 'mount', 'auth', 'caCertificate'] as const;
const ofAzure = ['url', 'tenantId', 'clientId', 'clientSecret'] as const;
const NAMESPACE = /^[\w-]+(?:\/[\w-]+)*$/u;
const MOUNT = /^[\w-]+(?:[./][\w-]+)*$/u;

/** What is asked for; the vault that is registered is the one it replaces. Throws `invalid_argument` with the property in `details`. */
export function requestedOwnVault(input: OwnVaultInput, before: OwnVaultRecord | undefined): RequestedOwnVault {
  const { kind, takesNew = true } = input;
  for (const property of kind === 'vault' ? ofAzure : ofVault) {
    if (input[property] !== undefined) throw refused(property, `${property} does not belong to a vault of the kind ${kind}. Leave it out.`);
  }
  return { takesNew, ...(kind === 'vault' ? hashiCorpVault(input, before) : azureVault(input)) };
}

function hashiCorpVault({ address, namespace, mount = 'secret', auth, caCertificate }: OwnVaultInput, before: OwnVaultRecord | undefined): Omit<RequestedOwnVault, 'takesNew'> {
  const { token, roleId, secretId } = auth ?? {};
  if (token !== undefined && (roleId !== undefined || secretId !== undefined)) throw refused('auth', 'auth holds a token, or a roleId and a secretId, but not both.');
  if (secretId !== undefined && roleId === undefined) throw refused('auth', 'auth.secretId needs auth.roleId beside it.');
  if (roleId !== undefined && !/^[\x21-\x7e]{1,256}$/u.test(roleId)) throw refused('auth', 'auth.roleId is not a role_id: printable ASCII without spaces.');
  if (namespace !== undefined && !NAMESPACE.test(namespace)) throw refused('namespace', 'namespace is a path such as admin/team-a, without a slash at its ends.');
  if (!MOUNT.test(mount)) throw refused('mount', 'mount is the path of a KV version 2 engine such as secret, without a slash at its ends.');
  const kept = before?.settings.kind === 'vault' ? before.settings.roleId : null;
  return {
    settings: {
      kind: 'vault',
      address: required(address, 'address'),
      namespace: namespace ?? null,
      mount,
      roleId: auth === undefined ? kept : (roleId ?? null),
      caCertificate: caCertificate ?? null,
    },
    secret: token === undefined ? secretOf(secretId, 'auth.secretId') : secretOf(token, 'auth.token'),
  };
}

function azureVault({ url, tenantId, clientId, clientSecret }: OwnVaultInput): Omit<RequestedOwnVault, 'takesNew'> {
  return {
    settings: { kind: 'azure-key-vault', url: required(url, 'url'), tenantId: required(tenantId, 'tenantId'), clientId: required(clientId, 'clientId') },
    secret: secretOf(clientSecret, 'clientSecret'),
  };
}

function required(value: string | undefined, property: string): string {
  if (value === undefined) throw refused(property, `${property} is missing.`);
  return value;
}

/** It goes into headers and bodies of sign-ins (S5). */
function secretOf(text: string | undefined, property: string): SecretValue | undefined {
  if (text === undefined) return undefined;
  if (/\s$/u.test(text)) throw refused(property, `${property} ends with a space or a newline. Remove it.`);
  if (!/^[\x21-\x7e]{8,4096}$/u.test(text)) throw refused(property, `${property} is 8 or more printable ASCII characters without spaces. Copy it again.`);
  return new SecretValue(text);
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}
