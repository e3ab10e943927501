import { CosmosClient } from '@azure/cosmos';
import { createHttpServer } from '@vercel/cosmosdb-server';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Not a key of anything; the server takes any. */
export const cosmosKey = Buffer.from('fake cosmos key').toString('base64');

export interface CosmosServer {
  readonly endpoint: string;
  /** Makes the container, and puts these documents into it. */
  fill(database: string, container: string, documents: readonly Record<string, unknown>[]): Promise<void>;
  close(): Promise<void>;
}

/** It takes a question for a query's plan, which the SDK asks beside each query and does not need here, for the query itself. */
function answerPlansAtOnce(server: Server): void {
  const listeners = server.listeners('request');
  server.removeAllListeners('request').on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers['x-ms-cosmos-is-query-plan-request'] === undefined) {
      for (const listener of listeners) listener.call(server, request, response);
      return;
    }
    request.resume().once('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
}

/**
 * A Cosmos DB in memory. It speaks the protocol of the official SDK; it proves nothing about consistency, request units or keys.
 */
export async function startCosmosServer(): Promise<CosmosServer> {
  const server = createHttpServer({ keepAlive: true });
  answerPlansAtOnce(server);
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
