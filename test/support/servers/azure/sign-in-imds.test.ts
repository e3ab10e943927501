import { afterAll, beforeAll, test, vi } from 'vitest';
import { signInByManagedIdentities } from './managed-identity-sign-in.ts';
import { secretClient } from './sdk-clients.ts';
import { type AzureServer, startAzureServer } from './server.ts';

let azure: AzureServer;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  await secretClient(azure).setSecret('known', 'not a real value');
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await azure.close();
});

test('a managed identity that a virtual machine has signs in by its client id or its object id, and no other', async () => {
  await signInByManagedIdentities(azure, 'imds');
});
