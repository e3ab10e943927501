import type { OwnKeySource } from '../../ports/own-keys.ts';
import type { SecretValue } from '../../ports/secret-value.ts';

/** The own keys that this process was started with. They do not change while it runs. */
export function createEnvironmentOwnKeys(values: ReadonlyMap<string, SecretValue>): OwnKeySource {
  return { read: async () => ({ values, version: null }) };
}
