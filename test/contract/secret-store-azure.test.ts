import { randomBytes } from 'node:crypto';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { azureStoreOn } from '../support/azure-fixture.ts';
import { callingSealed, sealedOver } from '../support/sealing-caller.ts';
import { startAzureServer } from '../support/servers/azure/server.ts';
import { systemTime } from '../support/vault-fixture.ts';
import { secretStoreContract, suiteDigestKey } from './secret-store-contract.ts';
import { sharedStoreContract } from './shared-store-contract.ts';

async function create() {
  const server = await startAzureServer();
  const { store } = azureStoreOn(server, { digest: (_name, _version, fields) => fieldsDigest(suiteDigestKey, fields) });
  return {
    store,
    close: async () => {
      store.close();
      await server.close();
    },
  };
}

secretStoreContract({ name: 'Azure Key Vault', column: 'Azure Key Vault', create });
secretStoreContract({
  name: 'Azure Key Vault, with values sealed before it gets them (R3.6)',
  longest: 19_000,
  create: async () => {
    const { store, close } = await create();
    return { store: callingSealed(sealedOver(store, { clock: systemTime, random: randomBytes }), suiteDigestKey), close };
  },
});
sharedStoreContract({ name: 'Azure Key Vault', create });
