import { createOwnVaultsWorld, everyTenantsVault, testConnector } from '../support/own-vaults-world.ts';
import { startAzureServer } from '../support/servers/azure/server.ts';
import { startVault } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { secretStoreContract, suiteDigestKey } from './secret-store-contract.ts';

describeWithVault('on a real Vault', () => {
  secretStoreContract({
    name: 'tenants\' own Vaults (S20)',
    create: async () => {
      const vault = await startVault();
      const world = createOwnVaultsWorld(testConnector({ digestKey: suiteDigestKey }).connector);
      const store = everyTenantsVault(world, 'vault', { kind: 'vault', address: vault.address, namespace: null, mount: 'secret', roleId: null, caCertificate: null }, vault.rootToken);
      return {
        store,
        close: async () => {
          await world.close();
          await vault.close();
        },
      };
    },
  });
});

secretStoreContract({
  name: 'tenants\' own Azure Key Vaults (S20)',
  create: async () => {
    const server = await startAzureServer();
    server.trust();
    const world = createOwnVaultsWorld(testConnector({ digestKey: suiteDigestKey, authorityHost: server.authority.url }).connector);
    const [secret = ''] = server.app.secrets;
    const store = everyTenantsVault(world, 'azure-key-vault', { kind: 'azure-key-vault', url: new URL(server.vault.url).origin, tenantId: server.directory.tenantId, clientId: server.app.clientId }, secret);
    return {
      store,
      close: async () => {
        await world.close();
        await server.close();
      },
    };
  },
});
