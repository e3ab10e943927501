import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { all, refused, secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;
let secrets: SecretClient;
let passed = 0;

beforeAll(async () => {
  azure = await startAzureServer({ now: () => Date.now() + passed });
  azure.trust();
  secrets = secretClient(azure);
});

afterEach(() => {
  Object.assign(azure.vault.durations, { deletingMs: 0, recoveringMs: 0, recoverySettlingMs: 0, purgingMs: 0 });
  azure.vault.settings.purgeProtection = false;
  azure.vault.empty();
});
afterAll(() => azure.close());

test('a deleted name is nowhere for a while, then recoverable, and comes back with its versions', async () => {
  const { durations, url } = azure.vault;
  await secrets.setSecret('coming-back', 'not a real value');
  durations.deletingMs = Infinity;
  const poller = await secrets.beginDeleteSecret('coming-back');
  expect(poller.getResult()).toMatchObject({ name: 'coming-back', recoveryId: `${url}deletedsecrets/coming-back` });
  await expect(secrets.getSecret('coming-back')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
  await expect(secrets.getDeletedSecret('coming-back')).rejects.toMatchObject({ statusCode: 404 });
  expect([...(await all(secrets.listPropertiesOfSecrets())), ...(await all(secrets.listDeletedSecrets()))]).toEqual([]);
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject(refused(409, 'ObjectIsBeingDeleted'));
  await expect(secrets.purgeDeletedSecret('coming-back')).rejects.toMatchObject(refused(409, 'ObjectIsBeingDeleted'));
  durations.deletingMs = 0;
  const deleted = await secrets.getDeletedSecret('coming-back');
  expect(deleted.properties).toMatchObject({ deletedOn: expect.any(Date), scheduledPurgeDate: expect.any(Date) });
  expect(deleted.value).toBeUndefined();
  await expect(secrets.setSecret('COMING-back', 'x')).rejects.toMatchObject(refused(409, 'ObjectIsDeletedButRecoverable'));
  durations.recoveringMs = Infinity;
  await secrets.beginRecoverDeletedSecret('coming-back');
  await expect(secrets.getSecret('coming-back')).rejects.toMatchObject({ statusCode: 404 });
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject(refused(409, 'ObjectIsBeingRecovered'));
  durations.recoveringMs = 0;
  durations.recoverySettlingMs = Infinity;
  expect((await secrets.getSecret('coming-back')).value).toBe('not a real value');
  await expect(secrets.setSecret('coming-back', 'x')).rejects.toMatchObject(refused(409, 'ObjectIsBeingRecovered'));
  durations.recoverySettlingMs = 0;
  await secrets.setSecret('coming-back', 'again');
  expect(await all(secrets.listPropertiesOfSecretVersions('coming-back'))).toHaveLength(2);
});

test('what is over stays over when a later change takes longer', async () => {
  for (const name of ['recovered', 'deleted']) {
    await secrets.setSecret(name, 'not a real value');
    await secrets.beginDeleteSecret(name);
  }
  await secrets.beginRecoverDeletedSecret('recovered');
  Object.assign(azure.vault.durations, { deletingMs: Infinity, recoveringMs: Infinity, recoverySettlingMs: Infinity });
  await secrets.setSecret('recovered', 'again');
  expect(await secrets.getDeletedSecret('deleted')).toMatchObject({ name: 'deleted' });
});

test('the SDK waits for a delete and a recovery by itself', async () => {
  azure.vault.durations.deletingMs = 300;
  azure.vault.durations.recoveringMs = 300;
  await secrets.setSecret('waited-for', 'not a real value');
  expect(await (await secrets.beginDeleteSecret('waited-for', { intervalInMs: 100 })).pollUntilDone()).toMatchObject({ name: 'waited-for' });
  expect(await (await secrets.beginRecoverDeletedSecret('waited-for', { intervalInMs: 100 })).pollUntilDone()).toMatchObject({ name: 'waited-for' });
  expect((await secrets.getSecret('waited-for')).value).toBe('not a real value');
});

test('a purged name is free again after a while, but not under purge protection', async () => {
  await secrets.setSecret('purged', 'not a real value');
  await secrets.beginDeleteSecret('purged');
  azure.vault.settings.purgeProtection = true;
  await expect(secrets.purgeDeletedSecret('purged')).rejects.toMatchObject({ statusCode: 403, code: 'Forbidden', message: expect.stringContaining('purge protection is enabled') });
  azure.vault.settings.purgeProtection = false;
  azure.vault.durations.purgingMs = Infinity;
  await secrets.purgeDeletedSecret('purged');
  await expect(secrets.getDeletedSecret('purged')).rejects.toMatchObject({ statusCode: 404 });
  await expect(secrets.setSecret('purged', 'x')).rejects.toMatchObject(refused(409, 'ObjectIsBeingDeleted'));
  azure.vault.durations.purgingMs = 0;
  const { version } = (await secrets.setSecret('purged', 'new')).properties;
  expect((await all(secrets.listPropertiesOfSecretVersions('purged'))).map((found) => found.version)).toEqual([version]);
});

test('the recovery level follows from purge protection and retention, and the end of retention purges', async () => {
  Object.assign(azure.vault.settings, { purgeProtection: true, retentionDays: 7 });
  const { properties } = await secrets.setSecret('retained', 'not a real value');
  expect(properties).toMatchObject({ recoveryLevel: 'CustomizedRecoverable', recoverableDays: 7 });
  await secrets.beginDeleteSecret('retained');
  passed = 7 * 86_400_000;
  const later = secretClient(azure); // the first one's token is long expired
  await expect(later.getDeletedSecret('retained')).rejects.toMatchObject({ statusCode: 404 });
  await later.setSecret('retained', 'new');
});
