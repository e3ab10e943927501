import { ClientSecretCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AzureApp } from './directory.ts';
import { type AzureServer, startAzureServer } from './server.ts';
import type { AzureVault } from './vault.ts';

let azure: AzureServer;
let secrets: SecretClient;

function clientOf(app: AzureApp, vault: AzureVault): SecretClient {
  const credential = new ClientSecretCredential(azure.directory.tenantId, app.clientId, [...app.secrets][0]!, { authorityHost: azure.authority.url, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } });
  return new SecretClient(vault.url, credential, { disableChallengeResourceVerification: true, retryOptions: { maxRetries: 0 } });
}

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  secrets = clientOf(azure.app, azure.vault);
});

afterAll(() => azure.close());

test('a secret is set, read by name without case and by version, and its versions are listed', async () => {
  const first = await secrets.setSecret('Test-Name', 'not a real value', { contentType: 'text/plain', tags: { provider: 'openai' } });
  const second = await secrets.setSecret('test-name', 'another one');
  expect(first.properties.version).toMatch(/^[0-9a-f]{32}$/);
  expect(await secrets.getSecret('TEST-NAME')).toMatchObject({ value: 'another one', name: 'Test-Name', properties: { version: second.properties.version, enabled: true, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 } });
  expect(await secrets.getSecret('test-name', { version: first.properties.version! })).toMatchObject({ value: 'not a real value', properties: { contentType: 'text/plain', tags: { provider: 'openai' } } });
  const versions = new Set<string | undefined>();
  for await (const { version } of secrets.listPropertiesOfSecretVersions('test-name')) versions.add(version);
  expect(versions).toEqual(new Set([first.properties.version, second.properties.version]));
});

test('a deleted name is nowhere for a while, then recoverable, and comes back with its versions', async () => {
  const { durations } = azure.vault;
  await secrets.setSecret('coming-back', 'not a real value');
  durations.deletingMs = Infinity;
  const poller = await secrets.beginDeleteSecret('coming-back');
  expect(poller.getResult()).toMatchObject({ name: 'coming-back', recoveryId: `${azure.vault.url}deletedsecrets/coming-back` });
  await expect(secrets.getSecret('coming-back')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
  await expect(secrets.getDeletedSecret('coming-back')).rejects.toMatchObject({ statusCode: 404 });
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject({ statusCode: 409, code: 'Conflict', details: { error: { innerError: { code: 'ObjectIsBeingDeleted' } } } });
  durations.deletingMs = 0;
  expect((await secrets.getDeletedSecret('coming-back')).deletedOn).toBeInstanceOf(Date);
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject({ statusCode: 409, details: { error: { innerError: { code: 'ObjectIsDeletedButRecoverable' } } } });
  durations.recoveringMs = Infinity;
  await secrets.beginRecoverDeletedSecret('coming-back');
  await expect(secrets.getSecret('coming-back')).rejects.toMatchObject({ statusCode: 404 });
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject({ statusCode: 409, details: { error: { innerError: { code: 'ObjectIsBeingRecovered' } } } });
  durations.recoveringMs = 0;
  expect((await secrets.getSecret('coming-back')).value).toBe('not a real value');
  await secrets.setSecret('coming-back', 'again');
});

test('a purged name is free again, but not under purge protection', async () => {
  await secrets.setSecret('purged', 'not a real value');
  await (await secrets.beginDeleteSecret('purged')).pollUntilDone();
  azure.vault.settings.purgeProtection = true;
  await expect(secrets.purgeDeletedSecret('purged')).rejects.toMatchObject({ statusCode: 403, code: 'Forbidden' });
  azure.vault.settings.purgeProtection = false;
  await secrets.purgeDeletedSecret('purged');
  await expect(secrets.getDeletedSecret('purged')).rejects.toMatchObject({ statusCode: 404 });
  const { version } = (await secrets.setSecret('purged', 'new')).properties;
  const versions: (string | undefined)[] = [];
  for await (const found of secrets.listPropertiesOfSecretVersions('purged')) versions.push(found.version);
  expect(versions).toEqual([version]);
});
