import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { keyClient } from '../support/servers/azure/sdk-clients.ts';
import { startAzureServer } from '../support/servers/azure/server.ts';

it('R0.5: a root key wrapped by a key in Azure Key Vault opens at the next start, under its newest version after a rotation, and never without Azure', { timeout: 120_000 }, async () => {
  const azure = await startAzureServer();
  const dataDir = await temporaryFolder();
  try {
    azure.trust();
    const keys = keyClient(azure);
    const first = await keys.createRsaKey('keyhold', { keySize: 2048 });
    const { AZURE_KEY_VAULT_URL: _store, ...identity } = azure.environment(azure.app);
    const env = { ...identity, KEYHOLD_KEY_WRAPPER: 'azure-key', KEYHOLD_AZURE_KEY: `${new URL(azure.vault.url).origin}/keys/keyhold`, KEYHOLD_KEY_WRAPPER_WAIT: '1s' };
    const product = await startProduct({ dataDir, env });
    await keys.rotateKey('keyhold');
    const rotated = await runToEnd({ dataDir, args: ['keys', 'rotate'], env: { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken } });
    expect(rotated).toMatchObject({ code: 0, stdout: expect.stringContaining('newest version of') });
    await product.stop();
    await keys.updateKeyProperties('keyhold', first.properties.version ?? '', { enabled: false });
    expect(await (await startProduct({ dataDir, env })).stop()).toEqual({ code: 0, signal: null });
    await azure.close();
    const away = await runToEnd({ dataDir, env });
    expect({ code: away.code, output: away.output }).toEqual({ code: 1, output: expect.stringContaining('no other root key is made') });
  } finally {
    await azure.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});
