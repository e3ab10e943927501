import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AzureIdentity, openAzureCredential } from '../../src/adapters/azure/azure-credential.ts';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { tenantRecord } from '../contract/metadata-store-records.ts';
import { cosmosOptions } from '../support/cosmos-options.ts';
import { failure } from '../support/outcome.ts';
import type { AzureApp } from '../support/servers/azure/directory.ts';
import { type AzureServer, startAzureServer } from '../support/servers/azure/server.ts';
import { type CosmosServer, startCosmosServer } from '../support/servers/cosmos.ts';
import { type CosmosWithEntra, startCosmosWithEntra } from '../support/servers/cosmos-with-entra.ts';

let azure: AzureServer;
let behind: CosmosServer;
let account: CosmosWithEntra;
let app: AzureApp;

beforeAll(async () => {
  azure = await startAzureServer();
  azure.trust();
  behind = await startCosmosServer();
  account = await startCosmosWithEntra(behind, azure.directory);
  app = azure.directory.addApp();
});

afterAll(async () => {
  await account.close();
  await behind.close();
  await azure.close();
});

async function opened(database: string, secret = [...app.secrets].at(-1) ?? ''): Promise<MetadataStore> {
  const identity: AzureIdentity = {
    servicePrincipal: { tenantId: azure.directory.tenantId, clientId: app.clientId, clientSecret: new SecretValue(secret) },
    workload: null,
    managed: null,
    authorityHost: azure.authority.url,
    isDisconnected: true,
  };
  return openCosmosStore({ ...cosmosOptions(account.endpoint, database), access: { credential: await openAzureCredential(identity) }, waitMs: 0 });
}

describe('Cosmos DB without a key (R0.5)', () => {
  it('is told which role is missing, and the command that grants it', async () => {
    const error = await failure(opened('keys'));
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('Cosmos DB Built-in Data Contributor') });
    expect(error).toMatchObject({ message: expect.stringContaining('az cosmosdb sql role assignment create') });
  });

  it('is told that no role makes a database', async () => {
    account.contributors.add(app);
    expect(await failure(opened('keys'))).toMatchObject({ exitCode: 2, message: expect.stringContaining('docs/databases.md has the commands') });
  });

  it('serves with a database and a container that are there', async () => {
    account.contributors.add(app);
    await (await openCosmosStore(cosmosOptions(behind.endpoint, 'keys'))).close();
    const store = await opened('keys');
    await store.tenants.create({ tenant: 'acme' }, tenantRecord('acme'));
    await store.tenants.replace({ tenant: 'acme' }, tenantRecord('acme', { name: 'changed' }), 1);
    expect((await store.tenants.list({ limit: 10 })).items).toMatchObject([{ revision: 2, record: { name: 'changed' } }]);
    account.contributors.delete(app);
    expect(await failure(store.tenants.get({ tenant: 'acme' }))).toMatchObject({ code: 'unavailable', cause: { trouble: 'forbidden' } });
    await store.close();
  });

  it('R10.1 says that it is not let sign in, and shows no secret', async () => {
    const error = await failure(opened('keys', 'not-a-real-secret-canary'));
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('AADSTS7000215') });
    expect(`${String(error)} ${String((error as Error).cause)} ${JSON.stringify((error as Error).cause)}`).not.toContain('canary');
  });
});
