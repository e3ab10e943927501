import { KeyholdError } from '../../../ports/errors.ts';

/** Why Cosmos DB did not do what it was asked, for the log and for whoever starts Keyhold. */
export type CosmosTrouble =
  | 'unreachable'
  | 'silent'
  | 'broken'
  | 'not-cosmos'
  | 'no-identity'
  | 'authority-away'
  | 'refused'
  | 'forbidden'
  | 'firewall'
  | 'gone'
  | 'resting'
  | 'busy'
  | 'again'
  | 'stale'
  | 'full'
  | 'failing'
  | 'unsettled'
  | 'strange';

const sentences: Readonly<Record<CosmosTrouble, string>> = {
  unreachable: 'Cosmos DB cannot be reached. Check COSMOS_DB_ENDPOINT, the network (private endpoint, DNS, proxy) and the certificates (NODE_EXTRA_CA_CERTS).',
  silent: 'Cosmos DB did not answer in time.',
  broken: 'The connection to Cosmos DB broke before its answer was complete.',
  'not-cosmos': 'What answered does not speak like Cosmos DB. Check that COSMOS_DB_ENDPOINT leads to an account for NoSQL, and not to another server or an error page before it.',
  'no-identity': 'There is nobody to sign in to Azure as. Set COSMOS_DB_KEY, give this machine a managed identity (az webapp identity assign, az vm identity assign), or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.',
  'authority-away': 'The authority that gives out Azure\'s tokens cannot be reached. Check the network and AZURE_AUTHORITY_HOST.',
  refused: 'Cosmos DB does not accept who Keyhold says it is. Check COSMOS_DB_KEY (az cosmosdb keys list --name <account> --resource-group <group>; it may have been renewed), and that it belongs to the account in COSMOS_DB_ENDPOINT; without a key, the AZURE_ variables or the managed identity.',
  forbidden:
    'Cosmos DB does not let Keyhold do this. A key has to be a read-write key of the account. An identity needs the data plane role «Cosmos DB Built-in Data Contributor»: ' +
    'az cosmosdb sql role assignment create --account-name <account> --resource-group <group> --role-definition-id 00000000-0000-0000-0000-000000000002 --principal-id <object id> --scope /. ' +
    'No such role makes databases: docs/databases.md has the commands for that. This machine\'s clock must be right, too.',
  firewall: 'The account\'s firewall does not let this machine in. Add its address (az cosmosdb update --name <account> --resource-group <group> --ip-range-filter <addresses>), its network, or a private endpoint.',
  gone: 'The database or its container is not there any more. Restore it (docs/databases.md), or start Keyhold again to make an empty one.',
  resting: 'Cosmos DB could not be reached, or did not answer, a moment ago, and is asked again in a moment.',
  busy: 'Cosmos DB is over its request units. Give the container more (az cosmosdb sql container throughput update), or let it scale by itself.',
  again: 'Cosmos DB asked for another try, several times over.',
  stale: 'A replica of Cosmos DB is behind what was read before.',
  full: 'A partition of Cosmos DB has reached its limit of 20 GB.',
  failing: 'Cosmos DB failed.',
  unsettled: 'Whether a write to Cosmos DB has happened could not be found out.',
  strange: 'Cosmos DB answered in a way that this request is never answered.',
};

interface CosmosFailureOptions {
  /** Whether the request may have been carried out all the same. */
  readonly mayHaveHappened: boolean;
  readonly status?: number | undefined;
  /** Cosmos DB's own number below the status. */
  readonly substatus?: number | undefined;
  /** A word of a list, never a sentence: `ECONNRESET`, `AADSTS7000215`. */
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/**
 * What went wrong between us and Cosmos DB, in our words. It never has the library's error for its cause: that one holds the request with its
 * headers and its body.
 */
export class CosmosFailure extends Error {
  readonly trouble: CosmosTrouble;
  readonly mayHaveHappened: boolean;
  readonly retryAfterMs: number | undefined;
  readonly #options: CosmosFailureOptions;

  constructor(trouble: CosmosTrouble, options: CosmosFailureOptions) {
    const { mayHaveHappened, status, substatus, code, retryAfterMs } = options;
    const facts = [...(status === undefined ? [] : [`HTTP ${status}${substatus === undefined ? '' : `/${substatus}`}`]), ...(code === undefined ? [] : [code])].join(', ');
    super(facts === '' ? sentences[trouble] : `${sentences[trouble]} (${facts})`);
    this.name = 'CosmosFailure';
    this.trouble = trouble;
    this.mayHaveHappened = mayHaveHappened;
    this.retryAfterMs = retryAfterMs;
    this.#options = options;
  }

  /** The same without what the library has hung on it on its way through: it adds what it knows of the request to every error. */
  bare(): CosmosFailure {
    return new CosmosFailure(this.trouble, this.#options);
  }
}

/** It is there, and would do the same thing a moment later. */
const PASSING: ReadonlySet<CosmosTrouble> = new Set(['busy', 'again', 'stale']);

/** The failure as it leaves the adapter: `internal` for what Cosmos DB should never say to us, else `unavailable`. */
export function asPortError(failure: CosmosFailure): KeyholdError {
  if (failure.trouble === 'strange') {
    return new KeyholdError('internal', 'Something went wrong inside Keyhold. The request id finds the reason in the log.', { cause: failure });
  }
  const retryAfterSeconds = Math.max(1, Math.ceil((failure.retryAfterMs ?? 0) / 1000));
  return new KeyholdError('unavailable', 'The database cannot answer now. Send the request again.', { cause: failure, retryAfterSeconds, outage: PASSING.has(failure.trouble) ? 'busy' : undefined });
}
