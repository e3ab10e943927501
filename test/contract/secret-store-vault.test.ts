import { randomBytes } from 'node:crypto';
import { createVaultStore } from '../../src/adapters/secret-store/vault-kv/vault-store.ts';
import { createVaultClient } from '../../src/adapters/vault/vault-client.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { startVault } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { callingSealed, sealedOver } from '../support/sealing-caller.ts';
import { secretStoreContract, suiteDigestKey } from './secret-store-contract.ts';
import { sharedStoreContract } from './shared-store-contract.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
async function create() {
  const vault = await startVault();
  const client = createVaultClient({ address: vault.address, auth: { kind: 'token', token: new SecretValue(vault.rootToken) }, clock, random: randomBytes, log });
  await client.start();
  return {
    store: createVaultStore({ client, mount: 'secret', digest: (_name, _version, fields) => fieldsDigest(suiteDigestKey, fields), clock, log }),
    close: async () => {
      await client.close();
      await vault.close();
    },
  };
}

describeWithVault('on a real Vault', () => {
  secretStoreContract({ name: 'Vault KV v2', column: 'HashiCorp Vault', create });
  secretStoreContract({
    name: 'Vault KV v2, with values sealed before it gets them (R3.6)',
    create: async () => {
      const { store, close } = await create();
      return { store: callingSealed(sealedOver(store, { clock, random: randomBytes }), suiteDigestKey), close };
    },
  });
  sharedStoreContract({ name: 'Vault KV v2', create });
});
