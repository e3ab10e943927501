import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { type Config, loadConfig } from './config.ts';
import type { Environment } from './environment.ts';

const services = allServices;
const token = 'admin-token-for-tests-0123456789';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Given extends Partial<Environment> {
  readonly variables?: Readonly<Record<string, string>>;
}

function environment(given: Given = {}): Environment {
  return { workingDirectory: '/srv/app', variables: {}, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined, ...given };
}

function load(variables: Record<string, string> = {}, given: Given = {}): Config {
  return loadConfig(environment({ variables, ...given }), services).config;
}

/** The message and exit code of the refusal; fails when there is none. */
function refusal(variables: Record<string, string>, given: Given = {}): string {
  try {
    load(variables, given);
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

describe('configuration (R0.1)', () => {
  it('has the defaults of R0.1 and R0.5 when nothing is set', () => {
    const config = load();
    expect(config).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      tls: null,
      publicUrl: null,
      knownHosts: [],
      sessions: { lifetimeMs: 43_200_000, idleMs: 3_600_000 },
      trustedProxies: [],
      dataDir: '/srv/app/data',
      mode: 'production',
      logLevel: 'info',
      shutdownTimeoutMs: 25_000,
      workers: 1,
      journal: 'local',
      adminToken: null,
      keyWrapper: { kind: 'key-file', keyFile: '/srv/app/data/keyhold.key' },
      keyWrapperWaitMs: 60_000,
      backupsKeptMs: null,
      auditKeyFile: '/srv/app/data/keyhold.key.audit',
      auditWitness: null,
      client: { url: null, token: null, loginsFile: null },
      database: { kind: 'sqlite', file: '/srv/app/data/keyhold.db' },
      allowPlainDatabase: false,
      redis: null,
      store: 'sealed',
      sealBeforeStore: false,
      staleLimitMs: 900_000,
      keyVault: null,
      legacy: { cipher: null, fernetKeys: [] },
      adoptCosmosKey: null,
      vault: null,
      ownKeys: new Map(),
      offerEnvironmentKeys: false,
      serviceBaseUrls: new Map(),
      allowHttpUpstream: false,
      egressAllowHosts: [],
      proxies: null,
      oidcIssuers: [],
      azure: { isDisconnected: false, authorityHost: null },
      defaultProvider: 'openai',
      warnings: [expect.stringContaining('lies inside the data folder')],
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.warnings)).toBe(true);
  });

  it('tells every problem at once, with name, reason and example, and quotes no secret (R0.1, R10.1)', () => {
    const message = refusal({
      KEYHOLD_LISTEN: '8080',
      KEYHOLD_ADMIN_TOKEN: 'short-canary',
      KEYHOLD_DATABASE_URL: 'postgres://user:canary-password@db',
      KEYHOLD_LOG_LEVEL: 'loud',
      KEYHOLD_SHUTDOWN_TIMEOUT: 'soon',
      KEYHOLD_SERVICE_BASE_URL_OPENAI: 'https://me:canary@proxy.example.com/v1',
      VAULT_ENABLED: 'true',
    });
    expect(message).toContain('8 problems');
    expect(message).toContain('KEYHOLD_LISTEN is "8080", but needs the host too. Example: KEYHOLD_LISTEN=127.0.0.1:8080');
    expect(message).toContain('KEYHOLD_ADMIN_TOKEN has 12 characters, but needs 32 or more');
    expect(message).toContain('KEYHOLD_DATABASE_URL names no database');
    expect(message).toContain('KEYHOLD_LOG_LEVEL is "loud", but must be one of debug, info, warn, error');
    expect(message).toContain('KEYHOLD_SHUTDOWN_TIMEOUT is "soon"');
    expect(message).toContain('KEYHOLD_SERVICE_BASE_URL_OPENAI holds a user name or a password');
    expect(message).toContain('VAULT_ENABLED=true needs VAULT_ADDR');
    expect(message).toContain('VAULT_ENABLED=true needs a way to sign in');
    expect(message).not.toContain('canary');
  });

  it('quotes what is not a secret so that a terminal is safe (S35)', () => {
    expect(refusal({ KEYHOLD_LOG_LEVEL: '\u001B[31m\u202Ered' })).toContain(String.raw`"\u001b[31m\u202ered"`);
  });

  it('lets the real environment win over .env, also with an empty value (R0.1)', () => {
    const dotenv = { KEYHOLD_LISTEN: '127.0.0.1:1000', KEYHOLD_LOG_LEVEL: 'debug', KEYHOLD_DATA_DIR: 'elsewhere' };
    const config = load({ KEYHOLD_LISTEN: '127.0.0.1:2000', KEYHOLD_LOG_LEVEL: '' }, { dotenv });
    expect(config.listen.port).toBe(2000);
    expect(config.logLevel).toBe('info');
    expect(config.dataDir).toBe('/srv/app/elsewhere');
  });

  it.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:9000', '::1', 9000],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
    ['localhost:80', 'localhost', 80],
    ['keyhold.internal:8443', 'keyhold.internal', 8443],
  ])('listens on %s', (text, host, port) => {
    expect(load({ KEYHOLD_LISTEN: text }).listen).toEqual({ host, port });
  });

  it.each([
    ['localhost', 'needs a port'],
    ['::1:8080', 'into brackets'],
    ['[127.0.0.1]:80', 'not an IPv6 address'],
    ['127.0.0.1:65536', 'ports end at 65535'],
    ['127.0.0.1:port', 'not a number'],
    [':8080', 'names no host'],
    ['*:8080', 'names no host'],
    ['http://localhost:80', 'without http://'],
    ['300.1.1.1:80', 'neither a host name nor an IP address'],
    ['a b:80', 'neither a host name nor an IP address'],
  ])('refuses to listen on %s', (text, reason) => {
    expect(refusal({ KEYHOLD_LISTEN: text })).toContain(reason);
  });

  it.each([['25s', 25_000], ['25', 25_000], ['500ms', 500], ['2m', 120_000], ['0', 0], ['1.5s', 1_500]])('takes %s as a shutdown time', (text, milliseconds) => {
    expect(load({ KEYHOLD_SHUTDOWN_TIMEOUT: text }).shutdownTimeoutMs).toBe(milliseconds);
  });

  it.each([['15m', 900_000], ['0', 0], ['90', 90_000], ['24h', 86_400_000]])('takes %s for how long cached keys serve in an outage', (text, milliseconds) => {
    expect(load({ KEYHOLD_STALE_LIMIT: text }).staleLimitMs).toBe(milliseconds);
  });

  it.each(['25h', '-1', '1d', 'never'])('refuses %s for it, and says why', (text) => {
    expect(refusal({ KEYHOLD_STALE_LIMIT: text })).toMatch(/KEYHOLD_STALE_LIMIT.*(?:a day \(24h\) at most|must be a time)/u);
  });

  it.each(['-1', '25 s', '61m', '2h', ''.padEnd(12, '9')])('refuses %s as a shutdown time', (text) => {
    expect(refusal({ KEYHOLD_SHUTDOWN_TIMEOUT: text })).toContain('KEYHOLD_SHUTDOWN_TIMEOUT');
  });

  it('is in development only for exactly development and test (R0.1)', () => {
    expect(load({ NODE_ENV: 'development' }).mode).toBe('development');
    expect(load({ NODE_ENV: 'test' }).mode).toBe('development');
    expect(load({ NODE_ENV: 'production' }).mode).toBe('production');
    const odd = load({ NODE_ENV: 'Development' });
    expect(odd.mode).toBe('production');
    expect(odd.warnings.join()).toContain('NODE_ENV is "Development"');
  });

  it('keeps key file and database where it is told, and refuses a database the lock does not protect', () => {
    const config = load({ KEYHOLD_DATA_DIR: '/var/lib/keyhold', KEYHOLD_KEY_FILE: '/etc/keyhold.key', KEYHOLD_DATABASE_URL: 'sqlite:/var/lib/keyhold/db/main.db' });
    expect(config.keyWrapper).toEqual({ kind: 'key-file', keyFile: '/etc/keyhold.key' });
    expect(config.auditKeyFile).toBe('/etc/keyhold.key.audit');
    expect(load({ KEYHOLD_AUDIT_KEY_FILE: 'keys/audit' }).auditKeyFile).toBe('/srv/app/keys/audit');
    expect(config.database).toEqual({ kind: 'sqlite', file: '/var/lib/keyhold/db/main.db' });
    expect(config.warnings).toEqual([]);
    for (const url of ['sqlite:/tmp/other.db', 'sqlite:../other.db', 'sqlite:lock.db', 'sqlite:replica-2.db', 'sqlite:journal.2', 'sqlite:owner', 'sqlite:admin-token', 'sqlite:journal/x.db', 'sqlite:keyhold.key.root', 'sqlite:audit-head', 'sqlite:audit-emergency', 'sqlite:audit-witnessed', 'sqlite:', 'sqlite::memory:', 'sqlite://host/x', 'sqlite:a.db?mode=ro', 'mysql://x']) {
      expect(refusal({ KEYHOLD_DATABASE_URL: url })).toContain('KEYHOLD_DATABASE_URL');
    }
  });

  it('warns in production about a key file inside the data folder, at every start (S15)', () => {
    expect(load().warnings.join()).toContain('/srv/app/data/keyhold.key');
    expect(load({ NODE_ENV: 'development' }).warnings).toEqual([]);
    expect(load({ KEYHOLD_KEY_FILE: '../keyhold.key' }).warnings).toEqual([]);
    expect(load({ KEYHOLD_KEY_FILE: '../keyhold.key', KEYHOLD_AUDIT_KEY_FILE: 'data/audit.key' }).warnings.join()).toContain('KEYHOLD_AUDIT_KEY_FILE');
  });

  it('takes a witness of the audit log with its key, over https outside this machine (S30)', () => {
    const key = 'witness.example.com/w1+969980cf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X';
    const witness = load({ KEYHOLD_AUDIT_WITNESS_URL: 'https://witness.example.com/w/', KEYHOLD_AUDIT_WITNESS_KEY: key }).auditWitness;
    expect([witness?.url, String(witness?.key)]).toEqual(['https://witness.example.com/w', key]);
    expect(load({ KEYHOLD_AUDIT_WITNESS_URL: 'http://127.0.0.1:7380', KEYHOLD_AUDIT_WITNESS_KEY: key }).auditWitness?.url).toBe('http://127.0.0.1:7380');
    for (const url of ['http://witness.example.com', 'witness.example.com', 'ftp://x', 'https://me:password@witness.example.com', 'https://witness.example.com/?x=1']) {
      expect(refusal({ KEYHOLD_AUDIT_WITNESS_URL: url, KEYHOLD_AUDIT_WITNESS_KEY: key })).toContain('KEYHOLD_AUDIT_WITNESS_URL');
    }
    expect(refusal({ KEYHOLD_AUDIT_WITNESS_URL: 'https://witness.example.com', KEYHOLD_AUDIT_WITNESS_KEY: key.replace('w1', 'w2') })).toContain('KEYHOLD_AUDIT_WITNESS_KEY');
    for (const one of [{ KEYHOLD_AUDIT_WITNESS_URL: 'https://witness.example.com' }, { KEYHOLD_AUDIT_WITNESS_KEY: key }]) expect(refusal(one)).toContain('belong together');
  });

  it('refuses stores that this version does not have, instead of keeping keys elsewhere (R0.5)', () => {
    expect(refusal({ KEYHOLD_STORE: 'memory' })).toContain('KEYHOLD_STORE is "memory", but must be one of azure-key-vault, sealed, vault');
    expect(load({ VAULT_ADDR: 'http://vault:8200', KEYHOLD_KEY_FILE: '/k' }).warnings.join()).toContain('VAULT_ADDR');
  });
});

describe('Cosmos DB as the database (R0.5)', () => {
  const endpoint = 'https://my-account.documents.azure.com:443/';

  it('is switched on by its address; a key counts before an identity, and is never shown', () => {
    expect(load({ COSMOS_DB_ENDPOINT: endpoint, COSMOS_DB_KEY: 'ZmFrZQ==' }).database).toEqual({ kind: 'cosmos', endpoint: 'https://my-account.documents.azure.com/', database: 'keyhold', access: { key: expect.anything() } });
    const { config, effective } = loadConfig(environment({ variables: { COSMOS_DB_ENDPOINT: endpoint, COSMOS_DB_KEY: 'ZmFrZS1jYW5hcnk=', COSMOS_DB_DATABASE: 'keys_1' } }), services);
    expect(config.database).toMatchObject({ database: 'keys_1' });
    expect(JSON.stringify([config, effective])).not.toContain('ZmFrZS1jYW5hcnk');
    expect(effective).toContainEqual({ name: 'COSMOS_DB_KEY', shown: '[set]', origin: 'environment' });
    expect(load({ COSMOS_DB_ENDPOINT: endpoint }).database).toMatchObject({ access: { identity: { managed: { clientId: null }, servicePrincipal: null } } });
    expect(load({ COSMOS_DB_ENDPOINT: endpoint, AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' }).database).toMatchObject({ access: { identity: { managed: null, servicePrincipal: { clientId: 'c' } } } });
    expect(load({ COSMOS_DB_ENDPOINT: 'http://127.0.0.1:8081' }).database).toMatchObject({ endpoint: 'http://127.0.0.1:8081/' });
  });

  it('refuses what is no address of an account, a second database beside it, and names that no database can have', () => {
    for (const wrong of ['http://my-account.documents.azure.com/', 'my-account', 'https://me:canary@x.documents.azure.com/', `${endpoint}dbs/x`, `${endpoint}?x=1`]) {
      expect(refusal({ COSMOS_DB_ENDPOINT: wrong, COSMOS_DB_KEY: 'ZmFrZQ==' })).toContain('COSMOS_DB_ENDPOINT');
      expect(refusal({ COSMOS_DB_ENDPOINT: wrong })).not.toContain('canary');
    }
    expect(refusal({ COSMOS_DB_ENDPOINT: endpoint, KEYHOLD_DATABASE_URL: 'sqlite:keyhold.db' })).toContain('name two databases');
    expect(refusal({ COSMOS_DB_ENDPOINT: endpoint, COSMOS_DB_DATABASE: 'a/b' })).toContain('COSMOS_DB_DATABASE is "a/b"');
    expect(load({ COSMOS_DB_KEY: 'ZmFrZQ==' }).warnings.join()).toContain('COSMOS_DB_KEY is set, but only COSMOS_DB_ENDPOINT');
  });
});

describe('secrets from files (R0.1)', () => {
  it('takes KEYHOLD_ADMIN_TOKEN_FILE without the newline at its end, one only', () => {
    const file = fileWith('token', `${token}\n`);
    const { config, effective } = loadConfig(environment({ variables: { KEYHOLD_ADMIN_TOKEN_FILE: file } }), services);
    expect(config.adminToken?.reveal()).toBe(token);
    expect(effective).toContainEqual({ name: 'KEYHOLD_ADMIN_TOKEN', shown: '[set]', origin: `file ${file} (KEYHOLD_ADMIN_TOKEN_FILE, environment)` });
    expect(load({ KEYHOLD_ADMIN_TOKEN_FILE: fileWith('crlf', `${token}\r\n`) }).adminToken?.reveal()).toBe(token);
    expect(refusal({ KEYHOLD_ADMIN_TOKEN_FILE: fileWith('two', `${token}\n\n`) })).toContain('ends with a space or a newline');
  });

  it('refuses both forms together, and a file that is missing, empty or a folder', () => {
    const file = fileWith('both', token);
    expect(refusal({ KEYHOLD_ADMIN_TOKEN: token, KEYHOLD_ADMIN_TOKEN_FILE: file })).toContain('KEYHOLD_ADMIN_TOKEN and KEYHOLD_ADMIN_TOKEN_FILE are both set');
    expect(refusal({ KEYHOLD_ADMIN_TOKEN_FILE: join(folder, 'nothing') })).toContain('there is no file');
    expect(refusal({ KEYHOLD_ADMIN_TOKEN_FILE: folder })).toContain('is a folder');
    expect(refusal({ KEYHOLD_ADMIN_TOKEN_FILE: fileWith('empty', '\n') })).toContain('is empty');
  });

  it('lets either form of the environment win over the other form in .env', () => {
    const file = fileWith('wins', token);
    const other = 'another-token-for-tests-0123456789';
    expect(load({ KEYHOLD_ADMIN_TOKEN_FILE: file }, { dotenv: { KEYHOLD_ADMIN_TOKEN: other } }).adminToken?.reveal()).toBe(token);
    expect(load({ KEYHOLD_ADMIN_TOKEN: other }, { dotenv: { KEYHOLD_ADMIN_TOKEN_FILE: file } }).adminToken?.reveal()).toBe(other);
  });

  it.each([
    [`${token}\n`, 'ends with a space or a newline'],
    ['a token with spaces in it 0123456789', 'holds spaces'],
    ['tökën-for-tests-0123456789-0123456789', 'outside ASCII'],
    ['kh_t_0123456789abcdef_0123456789', 'begins with kh_'],
  ])('refuses an administrator\'s token that could not be used (S5, S22)', (text, reason) => {
    const message = refusal({ KEYHOLD_ADMIN_TOKEN: text });
    expect(message).toContain(reason);
    expect(message).not.toContain(text);
  });
});

describe('service base URLs (R0.1, S4)', () => {
  it('takes https, and http on this machine, without the slash at the end', () => {
    const { serviceBaseUrls } = load({
      KEYHOLD_SERVICE_BASE_URL_OPENAI: 'http://127.0.0.1:9000/v1/',
      KEYHOLD_SERVICE_BASE_URL_ANTHROPIC: 'http://[::1]:9000',
      KEYHOLD_SERVICE_BASE_URL_GOOGLE_GEMINI: 'https://proxy.example.com/openai',
    });
    expect([...serviceBaseUrls]).toEqual([
      ['anthropic', 'http://[::1]:9000'],
      ['google-gemini', 'https://proxy.example.com/openai'],
      ['openai', 'http://127.0.0.1:9000/v1'],
    ]);
  });

  it('takes http elsewhere only with KEYHOLD_ALLOW_HTTP_UPSTREAM=true', () => {
    const variables = { KEYHOLD_SERVICE_BASE_URL_OPENAI: 'http://llm.internal/v1' };
    expect(refusal(variables)).toContain('KEYHOLD_ALLOW_HTTP_UPSTREAM=true');
    expect(load({ ...variables, KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true' }).serviceBaseUrls.get('openai')).toBe('http://llm.internal/v1');
    expect(refusal({ KEYHOLD_ALLOW_HTTP_UPSTREAM: 'yes' })).toContain('but must be true or false');
  });

  it.each([
    'http://127.0.0.1.example.com', 'http://localhost.example.com', 'ftp://127.0.0.1', 'openai', 'https://u:p@x.example', 'https://@x.example',
    'https://x.example/?a=1', 'https://x.example/#', 'https://x.example/ v1', 'https://x.example/\u0000', 'file:///etc/passwd', '//x.example',
  ])('refuses %j', (url) => {
    expect(refusal({ KEYHOLD_SERVICE_BASE_URL_OPENAI: url })).toContain('KEYHOLD_SERVICE_BASE_URL_OPENAI');
  });

  it('refuses the name of no service, since its requests would go to the real provider', () => {
    expect(refusal({ KEYHOLD_SERVICE_BASE_URL_OPEN_AI: 'https://x.example' })).toContain(
      'the nearest is KEYHOLD_SERVICE_BASE_URL_OPENAI. Example: KEYHOLD_SERVICE_BASE_URL_OPENAI=https://',
    );
    expect(refusal({ KEYHOLD_SERVICE_BASE_URL_TWILIO: 'https://x.example' })).toContain('no service that the gateway calls');
    expect(refusal({ KEYHOLD_DEFAULT_PROVIDER: 'opena' })).toContain('the nearest is openai');
  });
});

describe('names that nobody reads', () => {
  it('are warned about with the nearest known one (R0.1)', () => {
    const warnings = load({ KEYHOLD_KEY_FILE: '/k', KEYHOLD_LISTN: 'x', KEYHOLD_LISTENER: 'x', KEYHOLD_ADMIN_TOKN_FILE: '/x' }).warnings;
    expect(warnings).toEqual([
      'KEYHOLD_ADMIN_TOKN_FILE is not a setting of this version and is ignored. The nearest one is KEYHOLD_ADMIN_TOKEN_FILE.',
      'KEYHOLD_LISTENER is not a setting of this version and is ignored. The nearest one is KEYHOLD_LISTEN.',
      'KEYHOLD_LISTN is not a setting of this version and is ignored. The nearest one is KEYHOLD_LISTEN.',
    ]);
  });

  it('are ignored when Kubernetes injects them', () => {
    const injected = {
      KEYHOLD_PORT: 'tcp://10.0.0.1:80', KEYHOLD_PORT_80_TCP: 'tcp://10.0.0.1:80', KEYHOLD_PORT_80_TCP_PROTO: 'tcp', KEYHOLD_PORT_80_TCP_PORT: '80', KEYHOLD_PORT_80_TCP_ADDR: '10.0.0.1',
      KEYHOLD_SERVICE_HOST: '10.0.0.1', KEYHOLD_SERVICE_PORT: '80', KEYHOLD_SERVICE_PORT_HTTP: '80', KEYHOLD_UI_SERVICE_HOST: '10.0.0.2', KEYHOLD_UI_PORT_80_TCP: 'tcp://10.0.0.2:80',
    };
    expect(load({ ...injected, KEYHOLD_KEY_FILE: '/k' }).warnings).toEqual([]);
  });
});

describe('an unsafe process (S36)', () => {
  it.each([
    [['--inspect'], '--inspect'],
    [['--inspect-brk=0.0.0.0:9229'], '--inspect-brk'],
    [['--inspect_wait'], '--inspect-wait'],
    [['--heapsnapshot-signal=SIGUSR2'], '--heapsnapshot-signal'],
    [['--heapsnapshot-near-heap-limit', '3'], '--heapsnapshot-near-heap-limit'],
    [['--heap-prof'], '--heap-prof'],
    [['--diagnostic-dir=/tmp'], '--diagnostic-dir'],
    [['--abort-on-uncaught-exception'], '--abort-on-uncaught-exception'],
    [['--tls-keylog=/tmp/keys'], '--tls-keylog'],
  ])('refuses %j in production, also in NODE_OPTIONS', (flags, name) => {
    expect(refusal({}, { execArgv: flags })).toContain(`${name} (from the command line) is refused`);
    expect(refusal({ NODE_OPTIONS: ` --max-old-space-size=99  "${flags.join(' ')}"` })).toContain(`${name} (from NODE_OPTIONS) is refused`);
    expect(load({ NODE_ENV: 'development' }, { execArgv: flags }).mode).toBe('development');
  });

  it('refuses a debugger that listens however it was started, unchecked certificates, and NODE_DEBUG', () => {
    expect(refusal({}, { inspectorUrl: 'ws://127.0.0.1:9229/x' })).toContain('debugger');
    expect(refusal({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0');
    expect(refusal({ NODE_DEBUG: 'net' })).toContain('NODE_DEBUG');
    expect(load({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }).mode).toBe('production');
  });

  it('lets harmless flags pass and warns when the protecting ones are missing', () => {
    const { warnings } = load({ KEYHOLD_KEY_FILE: '/k', NODE_OPTIONS: '--max-old-space-size=99' }, { execArgv: ['--report-exclude-env', '--enable-source-maps'] });
    expect(warnings).toEqual(['Node was started without --disable-sigusr1. Start Keyhold by npm start or keyhold serve, which give them.']);
  });
});

describe('keyhold config', () => {
  it('shows what is in force and where it came from, secrets masked', () => {
    const { effective } = loadConfig(environment({ variables: { KEYHOLD_ADMIN_TOKEN: token, KEYHOLD_DATABASE_URL: 'sqlite:a.db', KEYHOLD_SERVICE_BASE_URL_OPENAI: 'https://x.example/v1/' }, dotenv: { KEYHOLD_LISTEN: '[::1]:1' } }), services);
    expect(effective.slice(0, 4)).toEqual([
      { name: 'KEYHOLD_LISTEN', shown: '[::1]:1', origin: '.env' },
      { name: 'KEYHOLD_DATA_DIR', shown: '/srv/app/data', origin: 'default' },
      { name: 'KEYHOLD_ADMIN_TOKEN', shown: '[set]', origin: 'environment' },
      { name: 'NODE_ENV', shown: 'production', origin: 'default' },
    ]);
    expect(effective.at(-1)).toEqual({ name: 'KEYHOLD_SERVICE_BASE_URL_OPENAI', shown: 'https://x.example/v1', origin: 'environment' });
    expect(JSON.stringify(effective)).not.toContain(token);
  });

  it('never holds a secret in what the file system gave', () => {
    const file = fileWith('masked', token);
    const { effective, config } = loadConfig(environment({ variables: { KEYHOLD_ADMIN_TOKEN_FILE: file } }), services);
    expect(readFileSync(file, 'utf8')).toBe(token);
    expect(JSON.stringify({ effective, config })).not.toContain(token);
  });
});

describe('where commands find a running Keyhold', () => {
  it('is an https address, or http on this machine, and the token is a secret', () => {
    const file = fileWith('client-token', `kh_t_test\n`);
    const { config, effective } = loadConfig(environment({ variables: { KEYHOLD_URL: 'https://keyhold.example.com/', KEYHOLD_TOKEN_FILE: file } }), services);
    expect([config.client.url, config.client.token?.reveal()]).toEqual(['https://keyhold.example.com', 'kh_t_test']);
    expect(effective.find(({ name }) => name === 'KEYHOLD_TOKEN')?.shown).toBe('[set]');
    expect(load({ KEYHOLD_URL: 'http://127.0.0.1:8080' }).client.url).toBe('http://127.0.0.1:8080');
    expect(load({ HOME: '/home/zoe', XDG_CONFIG_HOME: 'relative' }).client.loginsFile).toBe('/home/zoe/.config/keyhold/logins.json');
    expect(load({ HOME: '/home/zoe', XDG_CONFIG_HOME: '/etc/zoe' }).client.loginsFile).toBe('/etc/zoe/keyhold/logins.json');
    expect(refusal({ KEYHOLD_URL: 'http://keyhold.example.com' })).toContain('so the token would travel unencrypted');
    expect(refusal({ KEYHOLD_TOKEN: 'two words' })).toContain('KEYHOLD_TOKEN is no token');
  });
});
