import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AzureApp } from './directory.ts';
import { everyPermission } from './permissions.ts';
import { all, ask, refused, secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;
let app: AzureApp;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  await secretClient(azure).setSecret('known', 'not a real value');
});

beforeEach(() => {
  app = azure.directory.addApp();
  azure.vault.settings.authorization = 'access-policies';
  azure.vault.permissions.delayMs = 0;
});
afterAll(() => azure.close());

const read = (token?: string) => ask(`${azure.vault.url}secrets/known?api-version=2026-04-01`, token);

test('without a token the challenge names tenant and resource, and the call is logged as not authenticated', async () => {
  azure.forgetCalls();
  const { status, headers, body } = await read();
  expect(status).toBe(401);
  expect(headers.get('www-authenticate')).toBe(`Bearer authorization="${azure.authority.url}/${azure.directory.tenantId}", resource="https://vault.azure.net"`);
  expect(body).toMatchObject({ error: { code: 'Unauthorized', message: expect.stringContaining('AKV10000') } });
  expect(azure.calls()).toMatchObject([{ where: 'keyhold-test', operation: 'secrets.get', name: 'known', authenticated: false, status: 401 }]);
});

test('a token that is expired, early, foreign, changed, for somebody else or of nobody is 401 with the challenge', async () => {
  const { directory } = azure;
  const good = directory.accessToken(azure.app, 'secret').token;
  const [head, claims, signature] = good.split('.');
  const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims!, 'base64url').toString()), oid: app.objectId })).toString('base64url');
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
  const gone = directory.addApp();
  const tokenOfGone = directory.accessToken(gone, 'secret').token;
  directory.removeApp(gone);
  expect((await read(good)).status).toBe(200);
  const tokens = [
    directory.accessToken(azure.app, 'secret', { expiresIn: -1 }).token,
    directory.accessToken(azure.app, 'secret', { notBeforeIn: 60 }).token,
    directory.accessToken(azure.app, 'secret', { foreign: true }).token,
    directory.accessToken(azure.app, 'secret', { audience: 'https://management.azure.com' }).token,
    directory.accessToken(azure.app, 'secret', { issuer: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/' }).token,
    `${head}.${other}.${signature}`,
    `${none}.${claims}.`,
    tokenOfGone,
    'no-token',
  ];
  for (const token of tokens) {
    const { status, headers } = await read(token);
    expect([status, headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Bearer authorization=')]);
  }
});

test('each operation needs its own permission of an access policy, and the refusal names it in the words of the service', async () => {
  const client = secretClient(azure, { app });
  const text = (permission: string) => ({ ...refused(403, 'ForbiddenByPolicy'), message: expect.stringMatching(new RegExp(`^The user, group or application 'appid=${app.clientId};oid=${app.objectId};iss=https://sts\\.windows\\.net/${azure.directory.tenantId}/' does not have secrets ${permission} permission on key vault 'keyhold-test;location=westeurope'\\.`)) });
  const calls = {
    get: () => client.getSecret('known'),
    set: () => client.setSecret('by-policy', 'x'),
    delete: () => client.beginDeleteSecret('by-policy').then((poller) => poller.stopPolling()),
    recover: () => client.beginRecoverDeletedSecret('by-policy').then((poller) => poller.stopPolling()),
    purge: () => client.purgeDeletedSecret('never-there'),
  };
  for (const [permission, call] of Object.entries(calls)) await expect(call()).rejects.toMatchObject(text(permission));
  await expect(all(client.listPropertiesOfSecrets())).rejects.toMatchObject({ statusCode: 403 }); // of a list the SDK tells no more
  azure.vault.permissions.setPolicy(app, everyPermission);
  await all(client.listPropertiesOfSecrets());
  for (const call of [calls.get, calls.set, calls.delete, calls.recover]) await call();
  await expect(calls.purge()).rejects.toMatchObject({ statusCode: 404 });
});

test('with RBAC the roles decide, and the refusal names action and resource', async () => {
  azure.vault.settings.authorization = 'rbac';
  const client = secretClient(azure, { app });
  azure.vault.permissions.setPolicy(app, { secrets: ['get', 'set'] }); // does not count here
  azure.vault.permissions.assignRoles(app, ['Key Vault Secrets User']);
  expect((await client.getSecret('known')).value).toBe('not a real value');
  await all(client.listPropertiesOfSecrets());
  await expect(client.setSecret('by-role', 'x')).rejects.toMatchObject({ ...refused(403, 'ForbiddenByRbac'), message: expect.stringMatching(/^Caller is not authorized to perform action on resource\.\r\n[^]*Action: 'Microsoft\.KeyVault\/vaults\/secrets\/setSecret\/action'\r\nResource: '[^']*\/vaults\/keyhold-test\/secrets\/by-role'/) });
  azure.vault.permissions.assignRoles(app, [{ dataActions: ['secrets/setSecret/action'] }]);
  await client.setSecret('by-role', 'x');
  await expect(client.getSecret('known')).rejects.toMatchObject(refused(403, 'ForbiddenByRbac'));
});

test('a grant and its end hold only after the delay', async () => {
  const client = secretClient(azure, { app });
  azure.vault.permissions.delayMs = Infinity;
  azure.vault.permissions.setPolicy(app, { secrets: ['get'] });
  await expect(client.getSecret('known')).rejects.toMatchObject({ statusCode: 403 });
  azure.vault.permissions.delayMs = 0;
  await client.getSecret('known');
  azure.vault.permissions.delayMs = 60_000;
  await expect(client.getSecret('known')).rejects.toMatchObject({ statusCode: 403 });
});

test('a vault knows nothing of another, neither names nor permissions', async () => {
  const other = await azure.addVault({ name: 'other' });
  await expect(secretClient(azure, { vault: other }).getSecret('known')).rejects.toMatchObject({ statusCode: 403, message: expect.stringContaining("'other;location=westeurope'") });
  other.permissions.setPolicy(azure.app, { secrets: ['get'] });
  await expect(secretClient(azure, { vault: other }).getSecret('known')).rejects.toMatchObject({ statusCode: 404 });
});
