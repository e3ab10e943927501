import type { Clock, RandomBytes } from '../../../ports/clock.ts';
import type { MetadataStore } from '../../../ports/metadata-store.ts';
import { StartError } from '../../../ports/start-error.ts';
import { CONTAINER, CosmosAccount, type CosmosPlace, ForeignContainerError } from './cosmos-account.ts';
import { CosmosContainer } from './cosmos-container.ts';
import { CosmosFailure } from './cosmos-failure.ts';
import { CosmosItems } from './cosmos-items.ts';
import { createCosmosStore } from './cosmos-store.ts';
import { cosmosMigrations } from './migrations.ts';
import { migrateContainer, NewerContainerError } from './schema.ts';

export interface CosmosOptions extends CosmosPlace {
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface OpenedCosmos {
  readonly store: MetadataStore;
  /** As Cosmos DB calls it: `Strong`, `BoundedStaleness` or `Session`. */
  readonly consistency: string;
}

/** With less, a process would not even read what it has written itself. */
const ENOUGH: readonly string[] = ['Strong', 'BoundedStaleness', 'Session'];

/**
 * Opens the database, made where it is absent, and brings it to this version's layout. Throws `StartError` that says what to do: exit code 7 for a database of a
 * newer Keyhold, 2 for an account that cannot keep what Keyhold needs, 1 else.
 */
export async function openCosmosStore(options: CosmosOptions): Promise<OpenedCosmos> {
  const account = await CosmosAccount.open(options);
  try {
    const { consistency, writesInSeveralRegions } = await account.facts();
    if (writesInSeveralRegions) throw new StartError(2, `The Cosmos DB account ${options.endpoint} takes writes in several regions, where two of them could both be told that theirs was the first. Switch that off: az cosmosdb update --name <account> --resource-group <group> --enable-multiple-write-locations false`);
    if (!ENOUGH.includes(consistency)) throw new StartError(2, `The Cosmos DB account ${options.endpoint} reads with ${consistency} consistency, by which Keyhold would not find what it has just written. Choose a stronger one: az cosmosdb update --name <account> --resource-group <group> --default-consistency-level Strong (or Session)`);
    const container = new CosmosContainer({ container: await account.container(consistency), clock: options.clock, random: options.random, readsMayBeOld: consistency === 'Session' });
    const items = new CosmosItems(container, options.random);
    await migrateContainer(items, cosmosMigrations, options.clock.now());
    return { store: createCosmosStore(items, async () => account.close()), consistency };
  } catch (error) {
    account.close();
    throw startError(options, error);
  }
}

function startError({ endpoint, database }: CosmosOptions, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const where = `The database ${database} of the Cosmos DB account ${endpoint}`;
  if (error instanceof ForeignContainerError) return new StartError(1, `${where} has a container ${CONTAINER} of another program: it is not divided by /pk. Name another database in COSMOS_DB_DATABASE.`);
  if (error instanceof NewerContainerError) {
    return new StartError(7, `${where} has version ${error.found}, made by a newer Keyhold; this one knows versions up to ${error.known}. Start the newer Keyhold again, or restore a backup that was made before the upgrade.`);
  }
  const failure = error instanceof CosmosFailure ? error : error instanceof Error && error.cause instanceof CosmosFailure ? error.cause : undefined;
  if (failure !== undefined) return new StartError(1, `${where} could not be opened: ${failure.message}`, { cause: failure });
  return new StartError(1, `${where} could not be opened.`, { cause: error });
}
