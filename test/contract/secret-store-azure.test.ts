import { randomBytes } from 'node:crypto';
import { createAzureStore } from '../../src/adapters/secret-store/azure-key-vault/azure-store.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { startAzureServer } from '../support/servers/azure/server.ts';
import { secretStoreContract } from './secret-store-contract.ts';
import { sharedStoreContract } from './shared-store-contract.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** The one with which the suite makes its intents. */
const digestKey = Buffer.alloc(32, 1);

async function create() {
  const server = await startAzureServer();
  server.trust();
  const { clientId, secrets } = server.app;
  const store = createAzureStore({
    url: new URL(server.vault.url).origin,
    identity: { servicePrincipal: { tenantId: server.directory.tenantId, clientId, clientSecret: new SecretValue([...secrets][0] ?? '') }, workload: null, managed: null, authorityHost: server.authority.url, isDisconnected: true },
    digest: (_name, _version, fields) => fieldsDigest(digestKey, fields),
    clock,
    random: randomBytes,
    log,
  });
  return {
    store,
    close: async () => {
      store.close();
      await server.close();
    },
  };
}

secretStoreContract({ name: 'Azure Key Vault', create });
sharedStoreContract({ name: 'Azure Key Vault', create });
