import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTokenReviewServer, type TokenReviewServer } from '../support/servers/token-review-server.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { clientOf, type ClientUnderTest } from '../support/vault-fixture.ts';

const account = { namespace: 'keyhold', name: 'keyhold' };

describeWithVault('Kubernetes auth (R2.1)', () => {
  let vault: VaultServer;
  let kubernetes: TokenReviewServer;
  let folder: string;
  let tokenFile: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'keyhold-kubernetes-'));
    tokenFile = path.join(folder, 'token');
    vault = await startVault();
    kubernetes = await startTokenReviewServer();
    await vault.ask('POST', 'sys/auth/kubernetes', { type: 'kubernetes' });
    await vault.ask('POST', 'auth/kubernetes/config', { kubernetes_host: kubernetes.url, token_reviewer_jwt: kubernetes.issue({ namespace: 'vault', name: 'reviewer' }, 'kubernetes'), disable_local_ca_jwt: true });
    await vault.ask('POST', 'auth/kubernetes/role/ai-gateway', {
      bound_service_account_names: account.name,
      bound_service_account_namespaces: account.namespace,
      audience: 'vault',
      token_policies: 'reader',
      token_ttl: '1h',
    });
    await vault.ask('PUT', 'sys/policies/acl/reader', { policy: 'path "secret/data/*" { capabilities = ["read"] }' });
    await vault.ask('POST', 'secret/data/ai-gateway', { data: { OPENAI_API_KEY: 'sk-test-kubernetes-1' } });
  });

  afterAll(async () => {
    await kubernetes.close();
    await vault.close();
    await rm(folder, { recursive: true });
  });

  function connect(role = 'ai-gateway', audience?: string): ClientUnderTest {
    return clientOf(vault.address, { kind: 'kubernetes', role, tokenFile, ...(audience === undefined ? {} : { audience }) });
  }

  async function refusal(under: ClientUnderTest): Promise<string | undefined> {
    await expect(under.client.start()).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
    await under.client.close();
    return under.log.of('vault_authentication_failed')[0]?.msg;
  }

  it('lets the pod in by its service account, whose token may have been replaced since', async () => {
    await writeFile(tokenFile, kubernetes.issue(account, 'vault'));
    const under = connect('ai-gateway', 'vault');
    await under.client.start();
    expect((await under.client.readSecret('secret', 'ai-gateway'))?.fields['OPENAI_API_KEY']?.reveal()).toBe('sk-test-kubernetes-1');
    await under.client.close();
  });

  it('sends no token that is for somebody else, and says what to mount', async () => {
    await writeFile(tokenFile, kubernetes.issue(account, 'https://kubernetes.default.svc'));
    expect(await refusal(connect('ai-gateway', 'vault'))).toMatch(/not for the audience vault/);
  });

  it('names audience and binding when Vault refuses, and the role when there is none', async () => {
    await writeFile(tokenFile, kubernetes.issue(account, 'somebody-else'));
    expect(await refusal(connect())).toMatch(/must name its audience/);
    await writeFile(tokenFile, kubernetes.issue({ ...account, name: 'another' }, 'vault'));
    expect(await refusal(connect())).toMatch(/not bound to this service account/);
    await writeFile(tokenFile, kubernetes.issue(account, 'vault'));
    expect(await refusal(connect('nobody'))).toMatch(/there is no role nobody/);
  });

  it('comes up when the token is there', async () => {
    await rm(tokenFile);
    const under = connect();
    await expect(under.client.start()).rejects.toThrow();
    await writeFile(tokenFile, kubernetes.issue(account, 'vault'));
    await under.log.until('vault_connected');
    await under.client.close();
  });
});
