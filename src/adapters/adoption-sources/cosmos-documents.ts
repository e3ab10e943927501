import type { CosmosClient } from '@azure/cosmos';
import type { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';

export interface CosmosPlace {
  readonly endpoint: string;
  readonly key: SecretValue;
  readonly database: string;
  readonly container: string;
}

const PAGE = 500;
/** What of a document is asked for: the rest never leaves the database. */
const QUERY = 'SELECT c.tenantId, c.provider, c.encryptedApiKey, c.endpoint, c.deploymentMappings FROM c';

/** The documents of a container. Throws `StartError` (2 or 1) that says what to do; what Cosmos DB says in an error is never shown. */
export async function documentsInCosmos({ endpoint, key, database, container }: CosmosPlace): Promise<readonly unknown[]> {
  const client = await clientFor(checkedEndpoint(endpoint), key);
  const pages = client.database(database).container(container).items.query<unknown>(QUERY, { maxItemCount: PAGE });
  const documents: unknown[] = [];
  try {
    while (pages.hasMoreResults()) documents.push(...((await pages.fetchNext()).resources ?? []));
    return documents;
  } catch (cause) {
    throw whyNot(cause, endpoint, `${database}/${container}`);
  } finally {
    client.dispose();
  }
}

/** The SDK takes a quarter of a second to load, which only this command should wait for. */
async function clientFor(endpoint: string, key: SecretValue): Promise<CosmosClient> {
  const { CosmosClient } = await import('@azure/cosmos');
  // Requests go to the address that was given, and not to others that it names.
  return new CosmosClient({ endpoint, key: key.reveal(), connectionPolicy: { enableEndpointDiscovery: false } });
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  const isLocal = url !== null && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/u.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return endpoint;
  throw new StartError(2, '--endpoint has to be the https address of a Cosmos DB account, for example https://example.documents.azure.com:443/.');
}

function whyNot(cause: unknown, endpoint: string, where: string): StartError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  // The cause is kept out: it holds the request, and documents may be in it.
  if (code === 401 || code === 403) return new StartError(1, `Cosmos DB at ${endpoint} refuses the key in KEYHOLD_ADOPT_COSMOS_KEY. Take a key of this account, and look at its firewall.`);
  if (code === 404) return new StartError(1, `Cosmos DB at ${endpoint} has no container ${where}. Check --database and --container.`);
  if (code === 429) return new StartError(1, `Cosmos DB at ${endpoint} is over its request units. Run it again later, or give the container more for a while.`);
  return new StartError(1, `Cosmos DB at ${endpoint} did not answer as it should${typeof code === 'string' || typeof code === 'number' ? ` (${code})` : ''}. Check --endpoint, and that this machine can reach it.`);
}
