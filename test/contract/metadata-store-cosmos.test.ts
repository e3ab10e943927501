import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { type CosmosServer, cosmosKey, startCosmosServer } from '../support/servers/cosmos.ts';
import { metadataStoreContract } from './metadata-store-contract.ts';

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
  create: async () => {
    const database = `contract-${(databases += 1)}`;
    const clock = { now: () => Date.now(), monotonic: () => performance.now() };
    const open = (): Promise<MetadataStore> => openCosmosStore({ endpoint: server.endpoint, access: { key: new SecretValue(cosmosKey) }, database, clock, random: randomBytes });
    const first = await open();
    let store = first;
    return {
      store: first,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
      dispose: async () => {
        await store.close();
      },
    };
  },
});
