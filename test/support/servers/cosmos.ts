import { CosmosClient } from '@azure/cosmos';
import { createHttpServer } from '@vercel/cosmosdb-server';
import type { AddressInfo } from 'node:net';

/** Not a key of anything; the server takes any. */
export const cosmosKey = Buffer.from('fake cosmos key').toString('base64');

export interface CosmosServer {
  readonly endpoint: string;
  /** Makes the container, and puts these documents into it. */
  fill(database: string, container: string, documents: readonly Record<string, unknown>[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A Cosmos DB in memory. It speaks the protocol of the official SDK; it proves nothing about consistency, request units or keys.
 */
export async function startCosmosServer(): Promise<CosmosServer> {
  const server = createHttpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    endpoint,
    fill: async (databaseId, containerId, documents) => {
      const client = new CosmosClient({ endpoint, key: cosmosKey, connectionPolicy: { enableEndpointDiscovery: false } });
      const { database } = await client.databases.createIfNotExists({ id: databaseId });
      const { container } = await database.containers.createIfNotExists({ id: containerId, partitionKey: { paths: ['/tenantId'] } });
      for (const document of documents) await container.items.create(document);
      client.dispose();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
