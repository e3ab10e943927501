import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { VaultClientOptions } from '../../src/adapters/vault/vault-client.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { type CertificateFiles, makeCertificate } from '../support/servers/vault-certificates.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, rootAuth } from '../support/vault-fixture.ts';

describeWithVault('Vault behind TLS (R2.1)', () => {
  let folder: string;
  let issuer: VaultServer;
  let vault: VaultServer;
  let server: CertificateFiles;
  let client: CertificateFiles;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-'));
    issuer = await startVault();
    server = await makeCertificate(issuer, folder, 'server');
    client = await makeCertificate(issuer, folder, 'client');
    vault = await startVault({ storage: 'raft', tls: { ...server, clientCa: client.ca, client } });
    await vault.ask('POST', 'secret/data/ai-gateway', { data: { OPENAI_API_KEY: 'sk-test-tls-0001' } });
  });

  afterAll(async () => {
    await vault.close();
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  async function read(tls: NonNullable<VaultClientOptions['tls']>): Promise<{ readonly value: string | undefined; readonly said: string }> {
    const { client: connection, log } = clientOf(vault.address, rootAuth(vault), { tls });
    const value = await connection.readSecret('secret', 'ai-gateway').then(
      (found) => found?.fields['OPENAI_API_KEY']?.reveal(),
      () => undefined,
    );
    await connection.close();
    return { value, said: log.lines.map(({ msg }) => msg).join() };
  }

  it('takes a CA and shows a client certificate', async () => {
    const [ca, cert, key] = await Promise.all([server.ca, client.cert, client.key].map((file) => readFile(file, 'utf8')));
    expect((await read({ ca: ca!, cert: cert!, key: key! })).value).toBe('sk-test-tls-0001');
  });

  it('trusts no server that the CA does not vouch for, and says what to check', async () => {
    const [cert, key, otherCa] = await Promise.all([client.cert, client.key, client.ca].map((file) => readFile(file, 'utf8')));
    for (const tls of [{ cert: cert!, key: key! }, { cert: cert!, key: key!, ca: otherCa! }]) {
      const { value, said } = await read(tls);
      expect(value).toBeUndefined();
      expect(said).toContain('certificates');
    }
  });

  it('is not let in without the client certificate', async () => {
    const { value, said } = await read({ ca: await readFile(server.ca, 'utf8') });
    expect(value).toBeUndefined();
    expect(said).toMatch(/certificates|broke/);
  });

  it('keeps what was written through kill -9 (raft)', async () => {
    await vault.kill();
    await vault.start();
    const [ca, cert, key] = await Promise.all([server.ca, client.cert, client.key].map((file) => readFile(file, 'utf8')));
    expect((await read({ ca: ca!, cert: cert!, key: key! })).value).toBe('sk-test-tls-0001');
  });
});
