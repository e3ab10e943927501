import type { Log } from '../../ports/log.ts';
import type { OwnKeySource } from '../../ports/own-keys.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import type { VaultClient } from '../vault/vault-client.ts';

export interface VaultOwnKeysDependencies {
  readonly client: Pick<VaultClient, 'readSecret'>;
  /** Of the KV v2 engine. */
  readonly mount: string;
  /** Of the one secret, below the mount. */
  readonly path: string;
  readonly log: Log;
}

/** The own keys as one secret of Vault's KV v2: `vault kv put secret/ai-gateway OPENAI_API_KEY=…` (R2.3). Empty texts count as left out. */
export function createVaultOwnKeys({ client, mount, path, log }: VaultOwnKeysDependencies): OwnKeySource {
  return {
    async read() {
      const secret = await client.readSecret(mount, path);
      if (secret === undefined) return { values: new Map(), version: null };
      const values = new Map<string, SecretValue>(Object.entries(secret.fields).filter(([, value]) => value.reveal() !== ''));
      for (const key of secret.notText) log.warn('own_key_unusable', `A value in Vault's secret ${mount}/${path} is not a text and is not used`, { key });
      return { values, version: String(secret.version) };
    },
  };
}
