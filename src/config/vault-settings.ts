import type { SecretValue } from '../ports/secret-value.ts';
import { path, trueOrFalse } from './parsers.ts';
import type { Setting } from './settings.ts';
import { secretText, vaultAddress, vaultMount, vaultName, vaultNamespace, vaultSecretPath } from './vault-parsers.ts';

const enabled: Setting<boolean> = {
  name: 'VAULT_ENABLED',
  secret: false,
  description: [
    'true keeps keys in HashiCorp Vault (or OpenBao), and reads the service\'s own keys from there. The VAULT_ variables below count only then.',
    'docs/vault.md sets it up from nothing; `keyhold vault bootstrap` prints the commands.',
  ],
  example: 'true',
  fallback: false,
  fallbackText: 'false',
  parse: (text) => trueOrFalse(text.toLowerCase()),
};

const address: Setting<string | null> = {
  name: 'VAULT_ADDR',
  secret: false,
  description: ['Where Vault is.'],
  example: 'https://vault.example.com:8200',
  fallback: null,
  fallbackText: '',
  parse: vaultAddress,
};

const token: Setting<SecretValue | null> = {
  name: 'VAULT_TOKEN',
  secret: true,
  fileForm: false,
  description: ['How Keyhold signs in to Vault, one of four ways. 1: a token, or a file with a token that is read again when it changes.'],
  example: '<a token with the policy ai-gateway-policy>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

const tokenFile: Setting<string | null> = {
  name: 'VAULT_TOKEN_FILE',
  secret: false,
  description: ['The token\'s file, such as a Vault agent\'s sink.'],
  example: '/run/vault/token',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const roleId: Setting<SecretValue | null> = {
  name: 'VAULT_ROLE_ID',
  secret: true,
  description: ['2: an AppRole: its role_id, and a secret_id.'],
  example: '<the role_id of the AppRole ai-gateway>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

const secretId: Setting<SecretValue | null> = {
  name: 'VAULT_SECRET_ID',
  secret: true,
  description: ['The secret_id.'],
  example: '<a secret_id of the AppRole ai-gateway>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

const wrappedSecretId: Setting<SecretValue | null> = {
  name: 'VAULT_WRAPPED_SECRET_ID',
  secret: true,
  description: ['3: the AppRole with a response-wrapped secret_id in place of VAULT_SECRET_ID: the wrapping token. It is unwrapped once.'],
  example: '<a wrapping token>',
  fallback: null,
  fallbackText: '',
  parse: secretText,
};

const kubernetesRole: Setting<string | null> = {
  name: 'VAULT_K8S_ROLE',
  secret: false,
  description: ['4: Kubernetes: the role of Vault\'s auth method kubernetes; the pod\'s service account signs in.'],
  example: 'ai-gateway',
  fallback: null,
  fallbackText: '',
  parse: vaultName,
};

const kubernetesAudience: Setting<string | null> = {
  name: 'VAULT_K8S_AUDIENCE',
  secret: false,
  description: ['The audience that the role expects in the service account\'s token.'],
  example: 'vault',
  fallback: null,
  fallbackText: '',
  parse: vaultName,
};

const kubernetesTokenFile: Setting<string | null> = {
  name: 'VAULT_K8S_TOKEN_FILE',
  secret: false,
  description: ['The file with the service account\'s token, where it is not the usual one: a projected token made for that audience.'],
  example: '/var/run/secrets/vault/token',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const namespace: Setting<string | null> = {
  name: 'VAULT_NAMESPACE',
  secret: false,
  description: ['The namespace, where Vault has them.'],
  example: 'admin/team-a',
  fallback: null,
  fallbackText: '',
  parse: vaultNamespace,
};

const caCert: Setting<string | null> = {
  name: 'VAULT_CACERT',
  secret: false,
  description: ['A file with the CA certificates (PEM) that Vault\'s certificate is checked against, instead of the system\'s.'],
  example: '/etc/keyhold/vault-ca.pem',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const clientCert: Setting<string | null> = {
  name: 'VAULT_CLIENT_CERT',
  secret: false,
  description: ['Files with a client certificate and its key (PEM), where Vault asks for one.'],
  example: '/etc/keyhold/vault-client.pem',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const clientKey: Setting<string | null> = {
  name: 'VAULT_CLIENT_KEY',
  secret: false,
  description: ['The key\'s file.'],
  example: '/etc/keyhold/vault-client.key',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const mount: Setting<string> = {
  name: 'VAULT_MOUNT_PATH',
  secret: false,
  description: ['Where the KV v2 secrets engine is mounted.'],
  example: 'secret',
  fallback: 'secret',
  fallbackText: 'secret',
  parse: vaultMount,
};

const secretPath: Setting<string> = {
  name: 'VAULT_SECRET_PATH',
  secret: false,
  description: [
    'The one secret below the mount that holds the service\'s own keys (OPENAI_API_KEY, SESSION_SECRET, …).',
    'What it does not hold is taken from the environment.',
  ],
  example: 'ai-gateway',
  fallback: 'ai-gateway',
  fallbackText: 'ai-gateway',
  parse: vaultSecretPath,
};

const enableFallback: Setting<boolean | null> = {
  name: 'VAULT_ENABLE_FALLBACK',
  secret: false,
  description: [
    'true takes new keys while Vault cannot be reached: they are kept in the encrypted database, and move to Vault by themselves when it is',
    'back. false refuses them (503).',
  ],
  example: 'false',
  fallback: null,
  fallbackText: '<true in development, false in production>',
  parse: (text) => trueOrFalse(text.toLowerCase()),
};

/** R2.1. */
export const vaultSettings = {
  vaultEnabled: enabled,
  vaultAddress: address,
  vaultToken: token,
  vaultTokenFile: tokenFile,
  vaultRoleId: roleId,
  vaultSecretId: secretId,
  vaultWrappedSecretId: wrappedSecretId,
  vaultKubernetesRole: kubernetesRole,
  vaultKubernetesAudience: kubernetesAudience,
  vaultKubernetesTokenFile: kubernetesTokenFile,
  vaultNamespace: namespace,
  vaultCaCert: caCert,
  vaultClientCert: clientCert,
  vaultClientKey: clientKey,
  vaultMount: mount,
  vaultSecretPath: secretPath,
  vaultEnableFallback: enableFallback,
} as const;
