import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { type Config, loadConfig, type LoadedConfig } from './config.ts';

type Variables = Readonly<Record<string, string>>;

const on: Variables = { VAULT_ENABLED: 'true', VAULT_ADDR: 'https://vault.example.com:8200' };
const withToken: Variables = { ...on, VAULT_TOKEN: 'test-vault-token' };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-vault-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function loaded(variables: Variables, dotenv: Variables = {}): LoadedConfig {
  return loadConfig({ workingDirectory: '/srv/app', variables: { KEYHOLD_KEY_FILE: '/k', ...variables }, dotenv, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices);
}

function load(variables: Variables, dotenv?: Variables): Config {
  return loaded(variables, dotenv).config;
}

function refusal(variables: Variables): string {
  try {
    load(variables);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    expect(error.exitCode).toBe(2);
    return error.message;
  }
  throw new Error('The configuration was accepted.');
}

function fileWith(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('HashiCorp Vault switched on (R2.1)', () => {
  it('has the defaults of R2.1, and then takes new keys (R0.5)', () => {
    const { vault, store, warnings } = load(withToken);
    expect(vault).toMatchObject({ address: 'https://vault.example.com:8200', tls: {}, mount: 'secret', secretPath: 'ai-gateway' });
    expect(vault?.signIn).toEqual({ kind: 'token', token: expect.anything() });
    expect([store, warnings]).toEqual(['vault', []]);
  });

  it('takes new keys into the encrypted database only when that is said', () => {
    expect(load({ ...withToken, KEYHOLD_STORE: 'sealed' }).store).toBe('sealed');
    expect(load({ ...withToken, KEYHOLD_STORE: 'vault' }).store).toBe('vault');
    expect(refusal({ KEYHOLD_STORE: 'vault' })).toContain('KEYHOLD_STORE=vault needs HashiCorp Vault to be switched on');
  });

  it('is off by default, and an address alone only gives a hint (R0.5)', () => {
    const { vault, store, warnings } = load({ VAULT_ADDR: 'http://vault:8200', VAULT_TOKEN: 'x y' });
    expect([vault, store]).toEqual([null, 'sealed']);
    expect(warnings.join()).toContain('VAULT_ADDR is set, but only VAULT_ENABLED=true switches Vault on');
    expect(load({ ...withToken, VAULT_ENABLED: 'false' }).vault).toBeNull();
    expect(load({ ...withToken, VAULT_ENABLED: 'True' }).vault).not.toBeNull();
    expect(refusal({ ...withToken, VAULT_ENABLED: 'yes' })).toContain('must be true or false');
  });

  it('needs an address without anything around it', () => {
    expect(refusal({ VAULT_ENABLED: 'true', VAULT_TOKEN: 'x' })).toContain('VAULT_ENABLED=true needs VAULT_ADDR');
    for (const address of ['vault:8200', 'ftp://vault', 'https://vault/v1', 'https://vault/ui/', 'https://me:canary@vault', 'https://vault?x=1', 'https://va ult']) {
      const message = refusal({ ...withToken, VAULT_ADDR: address });
      expect(message).toContain('VAULT_ADDR');
      expect(message).not.toContain('canary');
      expect(message).not.toContain('needs VAULT_ADDR');
    }
    expect(load({ ...withToken, VAULT_ADDR: 'https://vault.example.com/' }).vault?.address).toBe('https://vault.example.com');
    expect(load({ ...withToken, VAULT_ADDR: 'https://example.com/vault/' }).vault?.address).toBe('https://example.com/vault');
  });

  it('takes http only on this machine, in development with a warning, or where that is said', () => {
    expect(load({ ...withToken, VAULT_ADDR: 'http://127.0.0.1:8200' }).warnings).toEqual([]);
    const elsewhere = { ...withToken, VAULT_ADDR: 'http://vault:8200' };
    expect(refusal(elsewhere)).toContain('VAULT_ADDR is http outside this machine');
    expect(load({ ...elsewhere, NODE_ENV: 'development' }).warnings.join()).toContain('VAULT_ADDR is http outside this machine');
    expect(load({ ...elsewhere, KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true' }).warnings.join()).toContain('VAULT_ADDR is http outside this machine');
  });

  it('says what it does not do although its variable is set', () => {
    const { warnings } = load({ ...withToken, VAULT_SKIP_VERIFY: '1' });
    expect(warnings).toEqual([expect.stringContaining('VAULT_SKIP_VERIFY is ignored')]);
  });
});

describe('signing in to Vault (R2.1)', () => {
  it.each<[string, Variables, object]>([
    ['a token file', { VAULT_TOKEN_FILE: 'run/token' }, { kind: 'token-file', file: '/srv/app/run/token' }],
    ['an AppRole', { VAULT_ROLE_ID: 'role-1', VAULT_SECRET_ID: 'secret-1' }, { kind: 'app-role', roleId: 'role-1', secretId: expect.anything() }],
    ['an AppRole with a wrapped secret_id', { VAULT_ROLE_ID: 'role-1', VAULT_WRAPPED_SECRET_ID: 'hvs-wrapping' }, { kind: 'wrapped-app-role', roleId: 'role-1', wrappedSecretId: expect.anything() }],
    ['Kubernetes', { VAULT_K8S_ROLE: 'ai-gateway', VAULT_K8S_AUDIENCE: 'vault' }, { kind: 'kubernetes', role: 'ai-gateway', audience: 'vault' }],
    ['Kubernetes with a projected token', { VAULT_K8S_ROLE: 'ai-gateway', VAULT_K8S_TOKEN_FILE: '/run/vault/jwt' }, { kind: 'kubernetes', role: 'ai-gateway', tokenFile: '/run/vault/jwt' }],
    ['Kubernetes without an audience', { VAULT_K8S_ROLE: 'ai-gateway' }, { kind: 'kubernetes', role: 'ai-gateway' }],
  ])('takes %s', (_title, variables, signIn) => {
    expect(load({ ...on, ...variables }).vault?.signIn).toEqual(signIn);
  });

  it('takes exactly one way, complete', () => {
    expect(refusal(on)).toContain('needs a way to sign in to Vault');
    expect(refusal({ ...withToken, VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 's' })).toContain('VAULT_TOKEN, VAULT_ROLE_ID are different ways to sign in to Vault');
    expect(refusal({ ...withToken, VAULT_TOKEN_FILE: '/t' })).toContain('VAULT_TOKEN, VAULT_TOKEN_FILE are different ways');
    expect(refusal({ ...withToken, VAULT_K8S_ROLE: 'r' })).toContain('VAULT_TOKEN, VAULT_K8S_ROLE are different ways');
    expect(refusal({ ...on, VAULT_ROLE_ID: 'r' })).toContain('VAULT_ROLE_ID needs VAULT_SECRET_ID');
    expect(refusal({ ...on, VAULT_SECRET_ID: 's' })).toContain('VAULT_SECRET_ID needs VAULT_ROLE_ID');
    expect(refusal({ ...on, VAULT_ROLE_ID: 'r', VAULT_WRAPPED_SECRET_ID: 'w', KEYHOLD_WORKERS: '2' })).toContain('VAULT_WRAPPED_SECRET_ID can be unwrapped once, and with KEYHOLD_WORKERS=2 each process signs in for itself. Set KEYHOLD_WORKERS=1');
    expect(refusal({ ...on, VAULT_ROLE_ID: 'r', VAULT_SECRET_ID: 's', VAULT_WRAPPED_SECRET_ID: 'w' })).toContain('both set, and only one can count');
    expect(refusal({ ...withToken, VAULT_K8S_AUDIENCE: 'a' })).toContain('VAULT_K8S_AUDIENCE belongs to VAULT_K8S_ROLE');
    expect(refusal({ ...withToken, VAULT_K8S_TOKEN_FILE: '/t' })).toContain('VAULT_K8S_TOKEN_FILE belongs to VAULT_K8S_ROLE');
  });

  it('reads role_id and secret_id from files, too, and shows none of them (R0.1, R10.1)', () => {
    const variables = { ...on, VAULT_ROLE_ID_FILE: fileWith('role', 'canary-role\n'), VAULT_SECRET_ID_FILE: fileWith('secret', 'canary-secret\n') };
    const { config, effective } = loaded(variables);
    const signIn = config.vault?.signIn;
    // The secret_id's file is read again at every sign-in, so that a replaced one is taken.
    expect(signIn).toEqual({ kind: 'app-role', roleId: 'canary-role', secretId: { file: join(folder, 'secret') } });
    expect(refusal({ ...on, VAULT_ROLE_ID: 'r', VAULT_SECRET_ID_FILE: join(folder, 'nothing') })).toContain('VAULT_SECRET_ID comes from VAULT_SECRET_ID_FILE, but there is no file');
    expect(JSON.stringify([effective, loaded({ ...on, VAULT_TOKEN: 'canary-token' }).effective])).not.toContain('canary');
    const message = refusal({ ...on, VAULT_TOKEN: 'canary token' });
    expect(message).toContain('VAULT_TOKEN holds spaces');
    expect(message).not.toContain('canary');
  });
});

describe('where in Vault, and over which TLS (R2.1)', () => {
  it('takes namespace, mount and path, without the slashes around them', () => {
    expect(load({ ...withToken, VAULT_NAMESPACE: 'admin/team-a/', VAULT_MOUNT_PATH: '/acme-corp/', VAULT_SECRET_PATH: 'apps/ai-gateway' }).vault).toMatchObject({
      namespace: 'admin/team-a',
      mount: 'acme-corp',
      secretPath: 'apps/ai-gateway',
    });
  });

  it.each([
    ['VAULT_MOUNT_PATH', 'secret/data', 'without /data'],
    ['VAULT_MOUNT_PATH', '../sys', 'letters, digits'],
    ['VAULT_SECRET_PATH', 'data/ai-gateway', 'without data/'],
    ['VAULT_SECRET_PATH', 'tenants/acme', 'where credentials are kept'],
    ['VAULT_SECRET_PATH', 'platform/own', 'where credentials are kept'],
    ['VAULT_SECRET_PATH', 'ai gateway', 'letters, digits'],
    ['VAULT_NAMESPACE', 'a//b', 'a namespace'],
  ])('refuses %s=%s', (name, value, reason) => {
    expect(refusal({ ...withToken, [name]: value })).toContain(reason);
  });

  it('reads certificates from files, which have to be PEM, and a client certificate only with its key', () => {
    const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => fileWith(`${name}.pem`, `-----BEGIN TEST ${name}-----\n`)) as [string, string, string];
    expect(load({ ...withToken, VAULT_CACERT: ca, VAULT_CLIENT_CERT: cert, VAULT_CLIENT_KEY: key }).vault?.tls).toEqual({
      ca: '-----BEGIN TEST ca-----\n',
      cert: '-----BEGIN TEST cert-----\n',
      key: '-----BEGIN TEST key-----\n',
    });
    expect(refusal({ ...withToken, VAULT_CLIENT_CERT: cert })).toContain('belong together');
    expect(refusal({ ...withToken, VAULT_CACERT: fileWith('der', 'x') })).toContain('not PEM');
    expect(refusal({ ...withToken, VAULT_CACERT: join(folder, 'nothing') })).toContain('there is no file');
  });
});

describe('the service\'s own keys (R2.3, R3.3)', () => {
  it('are the catalogue\'s names and two more, in the environment, in .env and in files', () => {
    const { ownKeys } = load({ OPENAI_API_KEY: 'sk-test-openai', SESSION_SECRET: 'test-session', ANTHROPIC_API_KEY_FILE: fileWith('anthropic', 'sk-test-anthropic\n'), NOT_OURS_API_KEY: 'x' }, { DATABASE_PASSWORD: 'test-password' });
    expect(Object.fromEntries([...ownKeys].map(([name, value]) => [name, value.reveal()]))).toEqual({
      ANTHROPIC_API_KEY: 'sk-test-anthropic',
      DATABASE_PASSWORD: 'test-password',
      OPENAI_API_KEY: 'sk-test-openai',
      SESSION_SECRET: 'test-session',
    });
  });

  it('are shown masked, and only those that are set', () => {
    const { effective } = loaded({ OPENAI_API_KEY: 'sk-test-canary' });
    expect(effective.filter(({ name }) => name.endsWith('_API_KEY'))).toEqual([{ name: 'OPENAI_API_KEY', shown: '[set]', origin: 'environment' }]);
  });

  it('are offered to tenants by default in development only', () => {
    expect(load({}).offerEnvironmentKeys).toBe(false);
    expect(load({ NODE_ENV: 'development' }).offerEnvironmentKeys).toBe(true);
    expect(load({ NODE_ENV: 'development', KEYHOLD_OFFER_ENVIRONMENT_KEYS: 'false' }).offerEnvironmentKeys).toBe(false);
    expect(load({ KEYHOLD_OFFER_ENVIRONMENT_KEYS: 'true' }).offerEnvironmentKeys).toBe(true);
  });
});
