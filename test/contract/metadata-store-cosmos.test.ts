import { afterAll, beforeAll } from 'vitest';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import { cosmosOptions } from '../support/cosmos-options.ts';
import { type CosmosServer, startCosmosServer } from '../support/servers/cosmos.ts';
import { metadataStoreContract } from './metadata-store-contract.ts';
import { reopenedStore } from './reopened-store.ts';

let server: CosmosServer;
let databases = 0;

beforeAll(async () => {
  server = await startCosmosServer();
});

afterAll(async () => {
  await server.close();
});

metadataStoreContract({
  name: 'Cosmos DB',
  column: 'Cosmos DB',
  create: async () => {
    databases += 1;
    const database = `contract-${databases}`;
    return reopenedStore(async () => openCosmosStore(cosmosOptions(server.endpoint, database)));
  },
});
