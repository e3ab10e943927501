import { ManagedIdentityCredential } from '@azure/identity';
import { expect, vi } from 'vitest';
import { secretClient } from './sdk-clients.ts';
import type { AzureServer } from './server.ts';

/** Reads `known` as two identities of the machine, and fails to as one that it does not have. One kind of machine in a process: the SDK looks where it is only once. */
export async function signInByManagedIdentities(azure: AzureServer, kind: 'app-service' | 'imds'): Promise<void> {
  const byClientId = azure.directory.addManagedIdentity();
  const byObjectId = azure.directory.addManagedIdentity();
  for (const identity of [byClientId, byObjectId]) azure.vault.permissions.setPolicy(identity, { secrets: ['get'] });
  azure.machine.userAssigned.add(byClientId).add(byObjectId);
  for (const [name, value] of Object.entries(azure.managedIdentityEnvironment(kind))) vi.stubEnv(name, value);
  azure.forgetCalls();
  for (const credential of [new ManagedIdentityCredential({ clientId: byClientId.clientId }), new ManagedIdentityCredential({ objectId: byObjectId.objectId })]) {
    expect((await secretClient(azure, { credential }).getSecret('known')).value).toBe('not a real value');
  }
  expect(azure.calls({ where: 'keyhold-test', status: 200 }).map(({ clientId }) => clientId)).toEqual([byClientId.clientId, byObjectId.clientId]);
  expect(azure.calls({ where: 'managed-identity', operation: `${kind}-token`, status: 200 })).toHaveLength(2);
  const unknown = new ManagedIdentityCredential({ clientId: azure.app.clientId, retryOptions: { maxRetries: 0 } });
  await expect(unknown.getToken('https://vault.azure.net/.default')).rejects.toThrow('Identity not found');
}
