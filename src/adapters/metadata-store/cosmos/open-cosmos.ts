import type { Clock, RandomBytes } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { TransferableStore } from '../../../ports/metadata/transfer.ts';
import { StartError } from '../../../ports/start-error.ts';
import { NewerDatabaseError } from '../newer-database.ts';
import { untilThere } from '../until-there.ts';
import { type AccountFacts, CONTAINER, CosmosAccount, type CosmosPlace, ForeignContainerError, NoContainerError } from './cosmos-account.ts';
import { CosmosContainer } from './cosmos-container.ts';
import { CosmosFailure, type CosmosTrouble } from './cosmos-failure.ts';
import { CosmosItems } from './cosmos-items.ts';
import { createCosmosStore } from './cosmos-store.ts';
import { cosmosMigrations } from './migrations.ts';
import { migrateContainer, readSchema } from './schema.ts';

export interface CosmosOptions extends CosmosPlace {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  /** How long an account that is away is waited for; 30 s when left out. */
  readonly waitMs?: number;
}

/** With less, a process would not even read what it has written itself. */
const ENOUGH: readonly string[] = ['Strong', 'BoundedStaleness', 'Session'];
const PASSING: ReadonlySet<CosmosTrouble> = new Set(['unreachable', 'silent', 'broken', 'failing', 'resting', 'busy', 'again', 'stale', 'authority-away']);

/**
 * Opens the database, made where it is absent, and brings it to this version's layout; several processes may do so at once. An account that is away is waited for.
 * Throws `StartError` that says what to do: exit code 7 for a database of a newer Keyhold, 2 for an account that does not let us in or cannot keep what Keyhold needs, 1 else.
 */
export async function openCosmosStore(options: CosmosOptions): Promise<TransferableStore> {
  return withAccount(options, async (account) => {
    const items = await itemsIn(account, options, true);
    await migrateContainer(items, cosmosMigrations, options.clock.now());
    return createCosmosStore(items, async () => account.close());
  });
}

/** Whether a Keyhold has been there before; nothing is made. Throws `StartError` as `openCosmosStore` does. */
export async function isKeyholdInCosmos(options: CosmosOptions): Promise<boolean> {
  return withAccount(options, async (account) => {
    try {
      return (await readSchema(await itemsIn(account, options, false))) !== undefined;
    } catch (error) {
      if (error instanceof NoContainerError) return false;
      throw error;
    } finally {
      account.close();
    }
  });
}

/** The account stays open where the work succeeds. */
async function withAccount<T>(options: CosmosOptions, work: (account: CosmosAccount) => Promise<T>): Promise<T> {
  const account = await CosmosAccount.open(options);
  const { clock, log, waitMs } = options;
  try {
    return await untilThere({ name: 'Cosmos DB', clock, log, waitMs, mayPass: (error) => PASSING.has(failureOf(error)?.trouble ?? 'strange') }, () => work(account));
  } catch (error) {
    account.close();
    throw startError(options, error);
  }
}

async function itemsIn(account: CosmosAccount, { endpoint, clock, random }: CosmosOptions, make: boolean): Promise<CosmosItems> {
  const facts = await account.facts();
  requireUsable(facts, endpoint);
  const container = await account.container(facts.consistency, make);
  return new CosmosItems(new CosmosContainer({ container, clock, random, readsMayBeOld: facts.consistency === 'Session' }), random);
}

function requireUsable({ consistency, writesInSeveralRegions }: AccountFacts, endpoint: string): void {
  const update = 'az cosmosdb update --name <account> --resource-group <group>';
  if (writesInSeveralRegions) {
    throw new StartError(2, `The Cosmos DB account ${endpoint} takes writes in several regions, where two of them could both be told that theirs was the first. Switch that off: ${update} --enable-multiple-write-locations false`);
  }
  if (ENOUGH.includes(consistency)) return;
  throw new StartError(2, `The Cosmos DB account ${endpoint} reads with ${consistency} consistency, by which Keyhold would not find what it has just written. Choose a stronger one: ${update} --default-consistency-level Strong (or Session)`);
}

function failureOf(error: unknown): CosmosFailure | undefined {
  if (error instanceof CosmosFailure) return error;
  return error instanceof KeyholdError && error.cause instanceof CosmosFailure ? error.cause : undefined;
}

function startError({ endpoint, database }: CosmosOptions, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const where = `The database ${database} of the Cosmos DB account ${endpoint}`;
  if (error instanceof ForeignContainerError) return new StartError(1, `${where} has a container ${CONTAINER} of another program: it is not divided by /pk. Name another database in COSMOS_DB_DATABASE.`);
  if (error instanceof NewerDatabaseError) {
    return new StartError(7, `${where} has version ${error.found}, made by a newer Keyhold; this one knows versions up to ${error.known}. Start the newer Keyhold again, or restore a backup that was made before the upgrade.`);
  }
  const failure = failureOf(error);
  if (failure === undefined) return new StartError(1, `${where} could not be opened.`, { cause: error });
  const isOurs = failure.trouble === 'refused' || failure.trouble === 'forbidden' || failure.trouble === 'firewall' || failure.trouble === 'no-identity';
  return new StartError(isOurs ? 2 : 1, `${where} could not be opened: ${failure.message}`, { cause: failure });
}
