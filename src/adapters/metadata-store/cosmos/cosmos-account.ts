import type { Container, ContainerDefinition, CosmosClient } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Clock } from '../../../ports/clock.ts';
import type { SecretValue } from '../../../ports/secret-value.ts';
import { CosmosFailure } from './cosmos-failure.ts';
import { understood } from './understood.ts';

export interface CosmosPlace {
  /** Of an account for NoSQL; https, or http on this machine. */
  readonly endpoint: string;
  /** The account's key, or who signs in to Azure instead. */
  readonly access: { readonly key: SecretValue } | { readonly credential: TokenCredential };
  /** Made when absent, where there is a key. */
  readonly database: string;
  /** How long one request may take, from when it leaves; 5 s when left out. */
  readonly timeoutMs?: number;
}

/** The account as far as it matters for what may be relied on. */
export interface AccountFacts {
  readonly consistency: string;
  readonly writesInSeveralRegions: boolean;
}

/** One for all kinds of records, so that the smallest throughput is enough to begin with. */
export const CONTAINER = 'keyhold';
const PARTITION_KEY = '/pk';
/** Cosmos DB itself gives up after some seconds with 408. */
const TIMEOUT_MS = 5_000;
const AT_ONCE = 64;
/** The library counts from before a request's turn, so its own limit is only a last resort. */
const LIBRARY_TIMEOUT_MS = 120_000;

/** The container's definition is not ours. */
export class ForeignContainerError extends Error {}

/** There is no container, or none that a start of Keyhold has made. */
export class NoContainerError extends Error {}

/**
 * A connection to an account by the official library, which is loaded only now. Requests go to the address that was given alone: an account's own list of
 * regions is not followed, so that all replicas read and write in one, and the library repeats nothing by itself.
 */
export class CosmosAccount {
  readonly #open: (consistency: 'Session' | undefined) => CosmosClient;
  readonly #database: string;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #clients: CosmosClient[] = [];

  static async open({ endpoint, access, database, clock, timeoutMs = TIMEOUT_MS }: CosmosPlace & { readonly clock: Clock }): Promise<CosmosAccount> {
    const [{ CosmosClient }, { CosmosWay }] = await Promise.all([import('@azure/cosmos'), import('./cosmos-way.ts')]);
    const agent = new (endpoint.startsWith('http:') ? HttpAgent : HttpsAgent)({ keepAlive: true, maxSockets: AT_ONCE });
    const shared = {
      endpoint,
      agent,
      httpClient: new CosmosWay({ clock, timeoutMs, atOnce: AT_ONCE }),
      connectionPolicy: { enableEndpointDiscovery: false, requestTimeout: LIBRARY_TIMEOUT_MS, retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 } },
      ...('key' in access ? { key: access.key.reveal() } : { aadCredentials: access.credential }),
    };
    return new CosmosAccount((consistencyLevel) => new CosmosClient({ ...shared, ...(consistencyLevel === undefined ? {} : { consistencyLevel }) }), database, agent);
  }

  private constructor(open: (consistency: 'Session' | undefined) => CosmosClient, database: string, agent: HttpAgent | HttpsAgent) {
    this.#open = open;
    this.#database = database;
    this.#agent = agent;
  }

  /** Throws `CosmosFailure`. */
  async facts(): Promise<AccountFacts> {
    const account = (await certain(() => this.#client(undefined).getDatabaseAccount())).resource;
    if (account === undefined) throw new CosmosFailure('not-cosmos', { mayHaveHappened: false });
    return { consistency: account.consistencyPolicy, writesInSeveralRegions: account.enableMultipleWritableLocations };
  }

  /**
   * The container; with `make` made, with its database, where they are absent. With Session consistency the library has to be told so: otherwise it forgets what this process
   * has written, and reads may be older than that. Throws `CosmosFailure`, `ForeignContainerError`, and `NoContainerError` where it is absent and not to be made.
   */
  async container(consistency: string, make: boolean): Promise<Container> {
    const client = this.#client(consistency === 'Session' ? 'Session' : undefined);
    if (!make) {
      const container = client.database(this.#database).container(CONTAINER);
      return requireOurs((await certain(() => container.read(), () => new NoContainerError())).resource, container);
    }
    const { database } = await certain(() => client.databases.createIfNotExists({ id: this.#database }));
    const { container, resource } = await certain(() =>
      database.containers.createIfNotExists({
        id: CONTAINER,
        partitionKey: { paths: [PARTITION_KEY], version: 2 },
        // Bodies are never searched, so writes do not pay for them.
        indexingPolicy: { indexingMode: 'consistent', automatic: true, includedPaths: SEARCHED.map((path) => ({ path })), excludedPaths: [{ path: '/*' }] },
      }),
    );
    return requireOurs(resource, container);
  }

  close(): void {
    for (const client of this.#clients) client.dispose();
    this.#agent.destroy();
  }

  #client(consistency: 'Session' | undefined): CosmosClient {
    const client = this.#open(consistency);
    this.#clients.push(client);
    return client;
  }
}

const SEARCHED = ['/pk/?', '/sort/?', '/due/?', '/owner/?', '/service/?', '/open/?', '/segment/?', '/start/?', '/until/?', '/first/?', '/last/?', '/ids/[]/?', '/tenants/[]/?', '/actions/[]/?', '/actors/[]/?', '/trees/[]/*'];

function requireOurs(definition: ContainerDefinition | undefined, container: Container): Container {
  if (definition?.partitionKey?.paths.join() !== PARTITION_KEY) throw new ForeignContainerError();
  return container;
}

/** What has to be there or be made; of two replicas that make it at once the second one finds it. */
async function certain<T>(call: () => Promise<T>, whenAbsent: () => Error = () => new CosmosFailure('gone', { mayHaveHappened: false })): Promise<T> {
  for (let last = false; ; last = true) {
    try {
      return await call();
    } catch (error) {
      const meaning = understood(error);
      if (meaning === 'absent') throw whenAbsent();
      if (meaning instanceof CosmosFailure && (last || meaning.trouble !== 'broken')) throw meaning;
      if (last) throw new CosmosFailure('strange', { mayHaveHappened: false });
    }
  }
}
