import { ManagedIdentityCredential, WorkloadIdentityCredential } from '@azure/identity';
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { signInByManagedIdentities } from './managed-identity-sign-in.ts';
import { ask, credentialOf, secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  await secretClient(azure).setSecret('known', 'not a real value');
});

afterEach(() => {
  vi.unstubAllEnvs();
  azure.machine.systemAssigned = undefined;
  azure.machine.userAssigned.clear();
});
afterAll(() => azure.close());

function allowed() {
  const app = azure.directory.addApp();
  azure.vault.permissions.setPolicy(app, { secrets: ['get'] });
  return app;
}

test('an app signs in by its secret, once for many operations; a second secret holds beside the first', async () => {
  const app = allowed();
  const client = secretClient(azure, { app });
  azure.forgetCalls();
  for (let at = 0; at < 3; at += 1) await client.getSecret('known');
  expect(azure.calls({ operation: 'token' })).toMatchObject([{ where: 'authority', clientId: app.clientId, status: 200 }]);
  app.secrets.add('not-real-second');
  await secretClient(azure, { app, credential: credentialOf(azure, app, 'not-real-second') }).getSecret('known');
});

test('a wrong secret, an unknown app and another tenant are refused with the numbers of Entra', async () => {
  const app = allowed();
  await expect(credentialOf(azure, app, 'wrong').getToken('https://vault.azure.net/.default')).rejects.toThrow('AADSTS7000215');
  const unknown = azure.directory.addApp();
  azure.directory.removeApp(unknown);
  await expect(credentialOf(azure, unknown).getToken('https://vault.azure.net/.default')).rejects.toThrow('AADSTS700016');
  expect(await ask(`${azure.authority.url}/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token`, undefined, { method: 'POST' })).toMatchObject({ status: 400, body: { error: 'invalid_request', error_description: expect.stringContaining('AADSTS90002') } });
  expect(JSON.stringify(azure.calls())).not.toContain('wrong');
});

test('discovery says where the authority is and shows the keys that its tokens are signed with', async () => {
  const { body } = await ask(`${azure.authority.url}/${azure.directory.tenantId}/v2.0/.well-known/openid-configuration`);
  expect(body).toMatchObject({ issuer: `${azure.authority.url}/${azure.directory.tenantId}/v2.0`, token_endpoint: `${azure.authority.url}/${azure.directory.tenantId}/oauth2/v2.0/token` });
  expect(await ask((body as { jwks_uri: string }).jwks_uri)).toMatchObject({ status: 200, body: { keys: [{ kty: 'RSA', alg: 'RS256' }] } });
  expect(await ask(`${azure.authority.url}/common/discovery/instance?api-version=1.1`)).toMatchObject({ status: 200, body: { metadata: [{ aliases: [new URL(azure.authority.url).host] }] } });
});

test("a workload identity signs in by the token of its service account, as long as it is this cluster's and the app's", async () => {
  const app = allowed();
  const environment = azure.workloadIdentityEnvironment(app);
  const file = environment['AZURE_FEDERATED_TOKEN_FILE']!;
  const client = () =>
    secretClient(azure, { credential: new WorkloadIdentityCredential({ tenantId: azure.directory.tenantId, clientId: app.clientId, tokenFilePath: file, authorityHost: azure.authority.url, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } }) });
  expect((await client().getSecret('known')).value).toBe('not a real value');
  const subject = 'system:serviceaccount:keyhold:keyhold';
  const refusals: Record<string, string> = {
    [azure.directory.federatedToken('system:serviceaccount:keyhold:other')]: 'AADSTS70021',
    [azure.directory.federatedToken(subject, { issuer: 'https://other.invalid/' })]: 'AADSTS70021',
    [azure.directory.federatedToken(subject, { audience: 'https://kubernetes.default.svc' })]: 'AADSTS70021',
    [azure.directory.federatedToken(subject, { expiresIn: -1 })]: 'AADSTS700024',
    [azure.directory.federatedToken(subject, { notBeforeIn: 60 })]: 'AADSTS700024',
    [azure.directory.federatedToken(subject, { foreign: true })]: 'AADSTS5000222',
  };
  for (const [token, number] of Object.entries(refusals)) {
    writeFileSync(file, token);
    await expect(client().getSecret('known')).rejects.toThrow(number);
  }
});

test('a managed identity that App Service has signs in by its client id or its object id, and no other', async () => {
  await signInByManagedIdentities(azure, 'app-service');
});

test("a machine's own identity signs in without being named", async () => {
  azure.machine.systemAssigned = azure.directory.addManagedIdentity();
  azure.vault.permissions.setPolicy(azure.machine.systemAssigned, { secrets: ['get'] });
  for (const [name, value] of Object.entries(azure.managedIdentityEnvironment('app-service'))) vi.stubEnv(name, value);
  // Once in this process: the SDK remembers its token for all credentials that name nobody.
  expect((await secretClient(azure, { credential: new ManagedIdentityCredential() }).getSecret('known')).value).toBe('not a real value');
});

test('the identity endpoints refuse who does not show the header that only the machine has', async () => {
  const { url } = azure.machine.listener;
  expect((await ask(`${url}/msi/token?api-version=2019-08-01&resource=https://vault.azure.net`)).status).toBe(401);
  expect(await ask(`${url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net`)).toMatchObject({ status: 400, body: { error: 'bad_request_102' } });
});
