import { ClientSecretCredential, type TokenCredential } from '@azure/identity';
import { KeyClient } from '@azure/keyvault-keys';
import { SecretClient } from '@azure/keyvault-secrets';
import type { AzureApp } from './directory.ts';
import type { AzureServer } from './server.ts';
import type { AzureVault } from './vault.ts';

const once = { retryOptions: { maxRetries: 0 } };

/** The app's credential by its secret, as the official SDK makes it of a disconnected cloud. */
export function credentialOf(azure: AzureServer, app = azure.app, secret = [...app.secrets][0] ?? ''): ClientSecretCredential {
  return new ClientSecretCredential(azure.directory.tenantId, app.clientId, secret, { authorityHost: azure.authority.url, disableInstanceDiscovery: true, ...once });
}

interface SecretClientOptions {
  readonly app?: AzureApp;
  readonly vault?: AzureVault;
  /** Instead of the app's secret. */
  readonly credential?: TokenCredential;
  readonly retries?: number;
}

/** The official client for secrets, which asks each thing once unless it may retry. */
export function secretClient(azure: AzureServer, { app = azure.app, vault = azure.vault, credential, retries = 0 }: SecretClientOptions = {}): SecretClient {
  return new SecretClient(vault.url, credential ?? credentialOf(azure, app), { disableChallengeResourceVerification: true, retryOptions: { maxRetries: retries } });
}

/** The official client for keys, which asks each thing once. */
export function keyClient(azure: AzureServer, { app = azure.app, vault = azure.vault } = {}): KeyClient {
  return new KeyClient(vault.url, credentialOf(azure, app), { disableChallengeResourceVerification: true, ...once });
}

/** A plain request with this token, for what no SDK would send; the process must trust the server. */
export async function ask(url: string, token?: string, init: RequestInit = {}): Promise<{ readonly status: number; readonly headers: Headers; readonly body: unknown }> {
  const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), 'content-type': 'application/json' };
  const response = await fetch(url, { ...init, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** Everything that the SDK's iterator gives. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What the SDK throws for a refusal with this inner code. */
export function refused(statusCode: number, inner: string): object {
  return { statusCode, details: { error: { innerError: { code: inner } } } };
}
