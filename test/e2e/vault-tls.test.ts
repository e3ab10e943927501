import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { makeCertificate } from '../support/servers/vault-certificates.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { pathOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const KEY = 'sk-test-first-key-00000001';

describeWithVault('Keyhold on a Vault with a CA of its own that wants a client certificate (R2.1, R2.6)', () => {
  let folder: string;
  let issuer: VaultServer;
  let world: VaultWorld;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-'));
    issuer = await startVault();
    const [server, client] = [await makeCertificate(issuer, folder, 'server'), await makeCertificate(issuer, folder, 'client')];
    const env = { VAULT_CACERT: server.ca, VAULT_CLIENT_CERT: client.cert, VAULT_CLIENT_KEY: client.key };
    world = await startVaultWorld({ storage: 'raft', tls: { ...server, clientCa: client.ca, client } }, env);
  });
  afterAll(async () => {
    await world.close();
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  it('is set up by the bootstrap and serves from it, in production', async () => {
    await world.start({ env: { NODE_ENV: 'production' } });
    const tenant = await tenantWithKey(world, 'acme', KEY);
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: KEY });
    expect(await versionsInVault(world.vault, pathOf(tenant))).toMatchObject([{ state: 'live', fields: { api_key: KEY } }]);
    await world.product().stop();
  });

  it('starts without the CA, says what to check, and does not send its secret_id there', async () => {
    await world.start({ env: { VAULT_CACERT: '' } });
    expect(world.product().logLines().find(({ event }) => event === 'vault_connection_failed')?.['msg']).toContain('certificates');
    expect(await (await fetch(`${world.product().url}/api/v1/health`)).json()).toMatchObject({ secrets: { vault_enabled: true, vault_connected: false } });
  });
});
