import { createMemorySecretStore, type MemorySecretStore } from '../../src/adapters/secret-store/memory/memory-secret-store.ts';
import type { OwnVaultAccess, OwnVaultConnector, TrialStep } from '../../src/ports/own-vault.ts';
import { trialSteps } from '../../src/ports/own-vault.ts';

export interface MemoryOwnVaults extends OwnVaultConnector {
  /** By the address or url, what lies there. */
  readonly stores: ReadonlyMap<string, MemorySecretStore>;
  /** Every connection that was opened. */
  readonly opened: OwnVaultAccess[];
  /** Makes signing in fail with this reason from now on; undefined: it works. */
  failWith: string | undefined;
}

/** Vaults of tenants in memory, one for each address. */
export function memoryOwnVaults(): MemoryOwnVaults {
  const stores = new Map<string, MemorySecretStore>();
  const vaults: MemoryOwnVaults = {
    stores,
    opened: [],
    failWith: undefined,
    checked: (settings) => settings,
    open: (access) => {
      const { settings } = access;
      vaults.opened.push(access);
      const place = settings.kind === 'vault' ? settings.address : settings.url;
      const store = stores.get(place) ?? createMemorySecretStore({ kind: settings.kind });
      stores.set(place, store);
      return {
        store,
        trial: async (last) => trialSteps.map((step, index): TrialStep => (index > trialSteps.indexOf(last) ? { step, outcome: 'not-tried' } : step === 'sign-in' && vaults.failWith !== undefined ? { step, outcome: 'failed', reason: vaults.failWith } : { step, outcome: 'ok' })),
        close: async () => undefined,
      };
    },
    kinds: { vault: { capabilities: { destroyVersion: true } }, 'azure-key-vault': { capabilities: { destroyVersion: false } } },
  };
  return vaults;
}
