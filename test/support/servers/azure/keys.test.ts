import { CryptographyClient, type KeyClient } from '@azure/keyvault-keys';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { all, ask, credentialOf, keyClient, refused } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;
let keys: KeyClient;
const dataKey = randomBytes(32);

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  keys = keyClient(azure);
});

afterAll(() => azure.close());

const cryptography = (id: string, app = azure.app) => new CryptographyClient(id, credentialOf(azure, app), { disableChallengeResourceVerification: true, retryOptions: { maxRetries: 0 } });

test('a key wraps and unwraps in the vault, and what it wrapped is unwrapped by its version after a rotation', async () => {
  const before = await keys.createRsaKey('wrapping', { keySize: 2048, keyOps: ['wrapKey', 'unwrapKey'] });
  expect(before).toMatchObject({ name: 'wrapping', keyType: 'RSA', keyOperations: ['wrapKey', 'unwrapKey'], properties: { enabled: true, version: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  const { result } = await cryptography(before.id!).wrapKey('RSA-OAEP-256', dataKey);
  const after = await keys.rotateKey('wrapping');
  expect(after.properties.version).not.toBe(before.properties.version);
  expect((await keys.getKey('WRAPPING')).properties.version).toBe(after.properties.version);
  expect(Buffer.from((await cryptography(before.id!).unwrapKey('RSA-OAEP-256', result)).result)).toEqual(dataKey);
  await expect(cryptography(after.id!).unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject({ statusCode: 400, code: 'BadParameter' });
  result[0]! ^= 1;
  await expect(cryptography(before.id!).unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject({ statusCode: 400 });
  expect(await all(keys.listPropertiesOfKeyVersions('wrapping'))).toHaveLength(2);
});

test('without a version the newest is used, and what the SDK wraps by itself with RSA-OAEP the vault unwraps', async () => {
  await keys.createRsaKey('newest');
  const client = keys.getCryptographyClient('newest');
  azure.forgetCalls();
  const { result } = await client.wrapKey('RSA-OAEP', dataKey);
  expect(azure.calls({ operation: 'keys.wrapKey' })).toEqual([]);
  expect(Buffer.from((await client.unwrapKey('RSA-OAEP', result)).result)).toEqual(dataKey);
});

test('a disabled version neither wraps nor unwraps, an expired one unwraps only', async () => {
  const key = await keys.createRsaKey('guarded');
  const client = cryptography(key.id!);
  const { result } = await client.wrapKey('RSA-OAEP-256', dataKey);
  await keys.updateKeyProperties('guarded', key.properties.version!, { enabled: false });
  expect((await keys.getKey('guarded')).properties.enabled).toBe(false);
  await expect(client.unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject(refused(403, 'KeyDisabled'));
  await keys.updateKeyProperties('guarded', key.properties.version!, { enabled: true, expiresOn: new Date(Date.now() - 60_000) });
  await expect(client.wrapKey('RSA-OAEP-256', dataKey)).rejects.toMatchObject(refused(403, 'KeyExpired'));
  expect(Buffer.from((await client.unwrapKey('RSA-OAEP-256', result)).result)).toEqual(dataKey);
  await keys.updateKeyProperties('guarded', key.properties.version!, { keyOps: ['sign', 'verify'] });
  const { token } = azure.directory.accessToken(azure.app, 'secret');
  const body = JSON.stringify({ alg: 'RSA-OAEP-256', value: Buffer.from(result).toString('base64url') });
  expect(await ask(`${key.id}/unwrapkey?api-version=7.4`, token, { method: 'POST', body })).toMatchObject({ status: 403, body: { error: { innererror: { code: 'KeyOperationForbidden' } } } });
});

test('an imported key is the one that was handed in; other types are refused', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const bytes = (part: string | undefined) => Buffer.from(part!, 'base64url');
  const imported = await keys.importKey('imported', { kty: 'RSA', n: bytes(jwk.n), e: bytes(jwk.e), d: bytes(jwk.d), p: bytes(jwk.p), q: bytes(jwk.q), dp: bytes(jwk.dp), dq: bytes(jwk.dq), qi: bytes(jwk.qi) });
  expect(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ format: 'jwk' }).n).toBe(Buffer.from(imported.key!.n!).toString('base64url'));
  await expect(keys.createEcKey('curve')).rejects.toMatchObject({ statusCode: 400, code: 'BadParameter' });
  await expect(keys.createRsaKey('small', { keySize: 1024 })).rejects.toMatchObject({ statusCode: 400 });
});

test('keys are deleted softly, as secrets are, and each operation has its permission in both models', async () => {
  const key = await keys.createRsaKey('guarded-by-roles');
  await keys.beginDeleteKey('guarded-by-roles');
  await expect(keys.getKey('guarded-by-roles')).rejects.toMatchObject({ statusCode: 404, code: 'KeyNotFound' });
  await expect(keys.createRsaKey('guarded-by-roles')).rejects.toMatchObject(refused(409, 'ObjectIsDeletedButRecoverable'));
  await keys.beginRecoverDeletedKey('guarded-by-roles');
  const app = azure.directory.addApp();
  azure.vault.permissions.setPolicy(app, { keys: ['get', 'wrapKey'] });
  const { result } = await cryptography(key.id!, app).wrapKey('RSA-OAEP-256', dataKey);
  await expect(cryptography(key.id!, app).unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject({ ...refused(403, 'ForbiddenByPolicy'), message: expect.stringContaining('does not have keys unwrapKey permission') });
  azure.vault.settings.authorization = 'rbac';
  azure.vault.permissions.assignRoles(app, ['Key Vault Crypto Service Encryption User']);
  expect(Buffer.from((await cryptography(key.id!, app).unwrapKey('RSA-OAEP-256', result)).result)).toEqual(dataKey);
  await expect(keyClient(azure, { app }).createRsaKey('x')).rejects.toMatchObject({ ...refused(403, 'ForbiddenByRbac'), message: expect.stringContaining("Action: 'Microsoft.KeyVault/vaults/keys/create/action'") });
});
