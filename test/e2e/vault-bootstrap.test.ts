import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runToEnd } from '../support/product.ts';
import { startVault, type VaultReply, type VaultServer } from '../support/servers/vault.ts';
import { builtVault } from '../support/servers/vault-binary.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';

const run = promisify(execFile);
const ROLE = 'auth/approle/role/ai-gateway';

/** A Vault as it is after `vault operator init`: nothing mounted, no audit device. */
async function freshVault(): Promise<VaultServer> {
  const vault = await startVault({ storage: 'raft' });
  await vault.ask('DELETE', 'sys/mounts/secret');
  return vault;
}

function environmentOf(vault: VaultServer, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken, ...more };
}

async function bootstrap(args: readonly string[], env: Readonly<Record<string, string>>) {
  return runToEnd({ args: ['vault', 'bootstrap', ...args], env });
}

/** Runs what was printed as a user would, with the vault command line of the same build. */
async function inShell(commands: string, vault: VaultServer): Promise<string> {
  const binary = builtVault() ?? '';
  const { stdout } = await run('sh', ['-e', '-c', commands], { env: { PATH: `${path.dirname(binary)}:/usr/bin:/bin`, HOME: vault.folder, ...environmentOf(vault) } });
  return stdout;
}

/** Everything that the bootstrap makes. */
async function setUp(vault: VaultServer, mount = 'secret') {
  const [mounts, own, reader, role, audit] = await Promise.all(
    ['sys/mounts', 'sys/policies/acl/ai-gateway-policy', 'sys/policies/acl/ai-gateway-read', ROLE, 'sys/audit'].map(async (what) => vault.ask('GET', what)),
  );
  const engine = mounts?.[`${mount}/`] as { readonly type: string; readonly options: object } | undefined;
  return { engine: [engine?.type, engine?.options], own: own?.['policy'], reader: reader?.['policy'], role: [role?.['token_policies'], role?.['token_ttl'], role?.['token_max_ttl']], audit: Object.keys(audit ?? {}) };
}

async function tokenWith(vault: VaultServer, policy: string): Promise<string> {
  return String((await vault.ask('POST', 'auth/token/create', { policies: [policy], no_default_policy: true }))['client_token']);
}

describeWithVault('keyhold vault bootstrap (R2.6)', () => {
  let vault: VaultServer;
  beforeAll(async () => {
    vault = await freshVault();
  });
  afterAll(async () => vault.close());

  it('prints commands that set up a fresh Vault with nothing more, and that can be repeated', async () => {
    const { code, stdout, stderr } = await bootstrap([], {});
    expect([code, stderr]).toEqual([0, expect.stringContaining('VAULT_ROLE_ID')]);
    expect(stdout).not.toMatch(/^#|secret-id/m);
    const shown = await inShell(stdout, vault);
    expect(shown).toMatch(/role_id\s+[0-9a-f-]{36}/);
    expect(await setUp(vault)).toMatchObject({ engine: ['kv', { version: '2' }], role: [['ai-gateway-policy'], 3600, 14_400], audit: ['file/'] });
    await vault.ask('POST', 'secret/data/kept', { data: { stays: 'yes' } });
    await inShell(stdout, vault);
    expect(await vault.ask('GET', 'secret/data/kept')).toMatchObject({ data: { stays: 'yes' } });
  });

  it('makes a secret_id only when it is asked for, which signs in', async () => {
    const { stdout } = await bootstrap(['--secret-id'], {});
    const shown = await inShell(stdout, vault);
    const [roleId, secretId] = [/role_id\s+(\S+)/.exec(shown)?.[1], /secret_id\s+(\S+)/.exec(shown)?.[1]];
    const login = await vault.ask('POST', 'auth/approle/login', { role_id: roleId, secret_id: secretId }, { token: '' });
    expect(login).toMatchObject({ policies: ['ai-gateway-policy', 'default'], lease_duration: 3600 });
  });

  it('gives readers the service\'s own keys, and nothing else', async () => {
    const token = await tokenWith(vault, 'ai-gateway-read');
    await vault.ask('POST', 'secret/data/ai-gateway', { data: { OPENAI_API_KEY: 'sk-test-own-key-000001' } });
    await vault.ask('POST', 'secret/data/ai-gateway/eu', { data: { OPENAI_API_KEY: 'sk-test-own-key-000002' } });
    await vault.ask('POST', 'secret/data/tenants/acme/api-keys/openai', { data: { api_key: 'sk-test-tenant-key-01' } });
    const asReader = async (method: string, apiPath: string, body?: object): Promise<number> => (await vault.call(method, apiPath, body, { token })).status;
    expect(await asReader('GET', 'secret/data/ai-gateway')).toBe(200);
    expect(await asReader('GET', 'secret/data/ai-gateway/eu')).toBe(200);
    expect(await asReader('LIST', 'secret/metadata/ai-gateway/')).toBe(200);
    const others: readonly (readonly [string, string, object?])[] = [
      ['GET', 'secret/metadata/ai-gateway'],
      ['POST', 'secret/data/ai-gateway', { data: {} }],
      ['DELETE', 'secret/data/ai-gateway'],
      ['POST', 'secret/destroy/ai-gateway', { versions: [1] }],
      ['GET', 'secret/data/ai-gateway-other'],
      ['GET', 'secret/data/tenants/acme/api-keys/openai'],
      ['LIST', 'secret/metadata/'],
      ['GET', 'sys/mounts'],
    ];
    for (const [method, apiPath, body] of others) expect([method, apiPath, await asReader(method, apiPath, body)]).toEqual([method, apiPath, 403]);
  });

  it('gives Keyhold credentials and its own keys, and nothing of others in the same engine', async () => {
    const token = await tokenWith(vault, 'ai-gateway-policy');
    const asKeyhold = async (method: string, apiPath: string, body?: object): Promise<VaultReply['status']> => (await vault.call(method, apiPath, body, { token })).status;
    expect(await asKeyhold('GET', 'secret/data/ai-gateway')).toBe(200);
    expect(await asKeyhold('POST', 'secret/data/ai-gateway', { data: {} })).toBe(403);
    expect(await asKeyhold('POST', 'secret/data/platform/openai-api-key', { data: { api_key: 'sk-test-platform-key' } })).toBe(200);
    for (const [method, apiPath] of [['GET', 'secret/data/kept'], ['LIST', 'secret/metadata/'], ['GET', 'sys/mounts'], ['GET', 'sys/policies/acl/ai-gateway-policy'], ['DELETE', 'secret/metadata/tenants/acme/api-keys/openai']] as const) {
      expect([method, apiPath, await asKeyhold(method, apiPath)]).toEqual([method, apiPath, 403]);
    }
  });

  it('--apply does the same over the API, keeps what is there, and shows no secret_id unasked', async () => {
    const printed = await setUp(vault);
    const other = await freshVault();
    try {
      const auditFile = path.join(other.folder, 'its own', 'audit.log');
      const { code, output, stdout, stderr } = await bootstrap(['--apply', '--audit-file', auditFile], environmentOf(other));
      expect([code, stderr]).toEqual([0, expect.stringContaining('The KV version 2 engine secret/ was made.')]);
      expect(stdout).toMatch(/^VAULT_ROLE_ID=[0-9a-f-]{36}\n$/);
      expect(output).not.toMatch(/VAULT_SECRET_ID=/);
      expect(await setUp(other)).toEqual(printed);
      await other.ask('POST', 'secret/data/kept', { data: { stays: 'yes' } });
      const again = await bootstrap(['--apply', '--secret-id'], environmentOf(other));
      expect(again.stderr).toContain('is there and was kept');
      expect(again.stderr).toContain('There is an audit device (file/), which was kept.');
      const secretId = /^VAULT_SECRET_ID=(\S+)$/m.exec(again.stdout)?.[1];
      await other.ask('POST', 'auth/approle/login', { role_id: /^VAULT_ROLE_ID=(\S+)$/m.exec(again.stdout)?.[1], secret_id: secretId }, { token: '' });
      expect(await other.ask('GET', 'secret/data/kept')).toMatchObject({ data: { stays: 'yes' } });
    } finally {
      await other.close();
    }
  });

  it('uses the mount and the path that Keyhold is told, in both forms', async () => {
    const env = { VAULT_MOUNT_PATH: 'acme-corp', VAULT_SECRET_PATH: 'apps/gateway' };
    const { stdout } = await bootstrap([], env);
    await inShell(stdout, vault);
    const printed = await setUp(vault, 'acme-corp');
    expect(printed).toMatchObject({ engine: ['kv', { version: '2' }], reader: expect.stringContaining('path "acme-corp/data/apps/gateway/*"') as unknown });
    expect((await bootstrap(['--apply'], environmentOf(vault, env))).code).toBe(0);
    expect(await setUp(vault, 'acme-corp')).toEqual(printed);
  });

  it('leaves alone what is no KV version 2 engine, and says what is missing or in the way', async () => {
    await vault.ask('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } });
    const taken = await bootstrap(['--apply'], environmentOf(vault, { VAULT_MOUNT_PATH: 'old' }));
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining('old/ in Vault is not a KV version 2 engine')]);
    const nothing = await bootstrap(['--apply'], {});
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringMatching(/VAULT_ADDR is not set[^]*VAULT_TOKEN is not set/)]);
    const weak = await bootstrap(['--apply'], environmentOf(vault, { VAULT_TOKEN: String((await vault.ask('POST', 'auth/token/create', { policies: ['default'] }))['client_token']) }));
    expect([weak.code, weak.stderr]).toEqual([1, expect.stringContaining('The token in VAULT_TOKEN may not read sys/mounts')]);
    const wrong = await bootstrap(['--apply'], environmentOf(vault, { VAULT_TOKEN: 'hvs.test-wrong' }));
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/refuses the token in VAULT_TOKEN.*administrator/)]);
    const away = await bootstrap(['--apply'], { VAULT_ADDR: 'http://127.0.0.1:9', VAULT_TOKEN: 'test-token' });
    expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('Vault cannot be reached')]);
  });
});
