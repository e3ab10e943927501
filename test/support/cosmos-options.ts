import { randomBytes } from 'node:crypto';
import type { CosmosOptions } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { RecordingLog } from './recording-log.ts';
import { cosmosKey } from './servers/cosmos.ts';

/** A database at a test server, which shares this process, and its processor with others: it may take long without being silent. */
export function cosmosOptions(endpoint: string, database = 'keyhold'): CosmosOptions {
  return { endpoint, database, access: { key: new SecretValue(cosmosKey) }, clock: systemClock, random: randomBytes, log: new RecordingLog(), timeoutMs: 60_000 };
}
