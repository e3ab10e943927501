import type { AzureIdentity } from '../adapters/azure/azure-credential.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import type { Reader } from './reader.ts';
import { settings } from './settings.ts';

/** A database in an account of Azure's. */
export interface CosmosConfig {
  readonly kind: 'cosmos';
  /** With a slash at the end. */
  readonly endpoint: string;
  readonly database: string;
  /** The account's key, or as whom we sign in to Azure. */
  readonly access: { readonly key: SecretValue } | { readonly identity: AzureIdentity };
}

/** The Cosmos DB that is switched on (R0.5); null: none is. What is wrong with it the reader knows afterwards. */
export function cosmosConfig(reader: Reader, identityFor: () => AzureIdentity): CosmosConfig | null {
  const { cosmosEndpoint, cosmosKey, cosmosDatabase, database } = settings;
  const [endpoint, key, name] = [reader.read(cosmosEndpoint), reader.read(cosmosKey), reader.read(cosmosDatabase)];
  if (reader.isSet(cosmosEndpoint) && reader.isSet(database)) reader.problems.push('COSMOS_DB_ENDPOINT and KEYHOLD_DATABASE_URL name two databases. Remove one of them.');
  if (endpoint === null) return null;
  return Object.freeze({ kind: 'cosmos', endpoint, database: name, access: Object.freeze(key === null ? { identity: identityFor() } : { key }) });
}
