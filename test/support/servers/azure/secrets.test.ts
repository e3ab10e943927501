import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { all, ask, refused, secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;
let secrets: SecretClient;
let token: string;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  secrets = secretClient(azure);
  ({ token } = azure.directory.accessToken(azure.app, 'secret'));
});

afterEach(() => azure.vault.empty());
afterAll(() => azure.close());

const put = (name: string, body: unknown, text = JSON.stringify(body)) => ask(`${azure.vault.url}secrets/${name}?api-version=7.4`, token, { method: 'PUT', body: text });

test('a secret is set, read by name without case and by version, and its versions are listed', async () => {
  const first = await secrets.setSecret('Test-Name', 'not a real value', { contentType: 'text/plain', tags: { provider: 'openai' } });
  const second = await secrets.setSecret('test-name', 'another one');
  expect(first.properties.version).toMatch(/^[0-9a-f]{32}$/);
  expect(await secrets.getSecret('TEST-NAME')).toMatchObject({ value: 'another one', name: 'Test-Name', properties: { version: second.properties.version, enabled: true, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 } });
  expect(await secrets.getSecret('test-name', { version: first.properties.version! })).toMatchObject({ value: 'not a real value', properties: { contentType: 'text/plain', tags: { provider: 'openai' } } });
  const versions = await all(secrets.listPropertiesOfSecretVersions('test-name'));
  expect(new Set(versions.map(({ version }) => version))).toEqual(new Set([first.properties.version, second.properties.version]));
  await expect(secrets.getSecret('test-name', { version: '0'.repeat(32) })).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
  await expect(secrets.getSecret('never-set')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
});

test('attributes are changed one by one, a disabled version is not read, an expired one is', async () => {
  const expiresOn = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
  const { version } = (await secrets.setSecret('attributes', 'not a real value', { expiresOn, tags: { one: '1' } })).properties;
  expect(await secrets.getSecret('attributes')).toMatchObject({ value: 'not a real value', properties: { expiresOn } });
  await secrets.updateSecretProperties('attributes', version!, { enabled: false, contentType: 'text/plain' });
  await expect(secrets.getSecret('attributes')).rejects.toMatchObject(refused(403, 'SecretDisabled'));
  expect(await all(secrets.listPropertiesOfSecretVersions('attributes'))).toMatchObject([{ version, enabled: false, expiresOn, contentType: 'text/plain', tags: { one: '1' } }]);
  await secrets.updateSecretProperties('attributes', version!, { enabled: true, tags: { two: '2' } });
  expect((await secrets.getSecret('attributes')).properties.tags).toEqual({ two: '2' });
});

test('a list comes in pages of 25, and what goes away between two pages moves nothing', async () => {
  const names = Array.from({ length: 60 }, (_, at) => `page-${String(at).padStart(2, '0')}`);
  for (const name of names) await secrets.setSecret(name, 'not a real value');
  const pages: string[][] = [];
  for await (const page of secrets.listPropertiesOfSecrets().byPage({ maxPageSize: 25 })) {
    pages.push(page.map(({ name }) => name));
    if (pages.length === 1) await secrets.beginDeleteSecret('page-03');
  }
  expect(pages.map(({ length }) => length)).toEqual([25, 25, 10]);
  expect(pages.flat()).toEqual(names);
  expect((await all(secrets.listDeletedSecrets())).map(({ name }) => name)).toEqual(['page-03']);
});

test('names, values, tags and bodies beyond the limits are refused, and change nothing', async () => {
  const tags = (count: number, length: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [String(at).padStart(length, 'n'), 'v'.repeat(length)]));
  expect((await put('a'.repeat(127), { value: 'v'.repeat(25 * 1024), contentType: 'c'.repeat(255), tags: tags(15, 512) })).status).toBe(200);
  const refusals = [
    put('a'.repeat(128), { value: 'v' }),
    put('under_score', { value: 'v' }),
    put('dotted.name', { value: 'v' }),
    put('%C3%A9', { value: 'v' }),
    put('big', { value: 'v'.repeat(25 * 1024 + 1) }),
    put('big', { value: 'é'.repeat(12_801) }),
    put('type', { value: 'v', contentType: 'c'.repeat(256) }),
    put('tags', { value: 'v', tags: tags(16, 3) }),
    put('tags', { value: 'v', tags: tags(1, 513) }),
    put('tags', { value: 'v', tags: { number: 1 } }),
    put('attributes', { value: 'v', attributes: { enabled: 'yes' } }),
    put('attributes', { value: 'v', attributes: { exp: '2030' } }),
    put('none', {}),
    put('json', {}, 'no JSON'),
  ];
  for (const name of ['under_score', 'dotted.name']) await expect(secrets.getSecret(name)).rejects.toMatchObject({ statusCode: 400, code: 'BadParameter' });
  for (const refusal of refusals) expect(await refusal).toMatchObject({ status: 400, body: { error: { code: 'BadParameter', message: expect.any(String) } } });
  expect(await all(secrets.listPropertiesOfSecrets())).toHaveLength(1);
});

test('an unknown API version, a missing one and an unknown operation are refused', async () => {
  expect(await ask(`${azure.vault.url}secrets/x`, token)).toMatchObject({ status: 400, body: { error: { code: 'BadParameter' } } });
  expect(await ask(`${azure.vault.url}secrets/x?api-version=1.0`, token)).toMatchObject({ status: 400 });
  expect(await ask(`${azure.vault.url}certificates?api-version=7.4`, token)).toMatchObject({ status: 404 });
  expect(await ask(`${azure.vault.url}secrets?api-version=7.4&maxresults=26`, token)).toMatchObject({ status: 400 });
});
