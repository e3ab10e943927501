import { azureStoreOn } from '../support/azure-fixture.ts';
import { startAzureServer } from '../support/servers/azure/server.ts';
import { secretStoreContract } from './secret-store-contract.ts';
import { sharedStoreContract } from './shared-store-contract.ts';

async function create() {
  const server = await startAzureServer();
  const { store } = azureStoreOn(server);
  return {
    store,
    close: async () => {
      store.close();
      await server.close();
    },
  };
}

secretStoreContract({ name: 'Azure Key Vault', column: 'Azure Key Vault', create });
sharedStoreContract({ name: 'Azure Key Vault', create });
