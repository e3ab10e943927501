import { StartError } from '../../ports/start-error.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { loadProcessConfig } from '../load.ts';

/** The key of the Cosmos DB account that documents are adopted from. Throws `StartError` (2). */
export function adoptionCosmosKey(): SecretValue {
  const { adoptCosmosKey } = loadProcessConfig().config;
  if (adoptCosmosKey === null) throw new StartError(2, 'KEYHOLD_ADOPT_COSMOS_KEY is not set. Set it, or KEYHOLD_ADOPT_COSMOS_KEY_FILE, to a key of the Cosmos DB account; a read-only key suffices.');
  return adoptCosmosKey;
}
