import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { localServices } from '../local-services.ts';
import { type Product, startProduct, temporaryFolder } from '../product.ts';
import { type ProviderServer, startProviderServer } from '../servers/provider-server.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { OIDC_CLIENT_SECRET, type OidcServer, startOidcServer } from '../servers/oidc/oidc-server.ts';
import { type QuotingServer, startQuotingServer } from '../servers/quoting-server.ts';
import { Canaries } from './canaries.ts';
import { Evidence } from './evidence.ts';
import { type Ask, type Told, Witness } from './witness.ts';

/** Where browsers believe they are. */
export const PUBLIC_URL = 'https://keyhold.example.com';
export const TENANT = 'canary-tenant';
export const ofTenant = `/api/v1/tenants/${TENANT}`;
export const ofPlatform = '/api/v1/platform';

/** The root key is in the key file by design, and the first administrator's token in its own. */
const KEPT_BY_DESIGN = ['keyhold.key', 'admin-token'];

/** One data folder through all its processes, the secrets that went in, and everything that came out. */
export class CanaryWorld {
  readonly canaries = new Canaries();
  readonly evidence = new Evidence();
  readonly provider: ProviderServer;
  readonly quoting: QuotingServer;
  readonly oidc: OidcServer;
  readonly dataDir: string;
  readonly #redis: RedisServer;
  readonly #saidOverRedis: () => Buffer;
  readonly #ownKey = this.canaries.mint('own-key-in-the-environment');
  readonly legacyPassphrase = this.canaries.mint('legacy-passphrase');
  readonly fernetKey = `${this.canaries.text('Fernet key', randomBytes(32).toString('base64url'))}=`;
  #product: Product | undefined;
  #witness: Witness | undefined;
  /** The token of the platform's administrator. */
  platform = '';
  /** The token of the tenant's. */
  admin = '';
  gatewayKey = '';
  readonly passphrase = this.canaries.mint('passphrase');
  /** What every start is told besides. */
  settings: Readonly<Record<string, string>> = {};

  static async create(): Promise<CanaryWorld> {
    const [provider, quoting, oidc, redis, dataDir] = await Promise.all([startProviderServer(), startQuotingServer(), startOidcServer(), startRedis(), temporaryFolder()]);
    return new CanaryWorld({ provider, quoting, oidc, redis, dataDir, saidOverRedis: await redis.listen() });
  }

  private constructor({ provider, quoting, oidc, redis, dataDir, saidOverRedis }: Pick<CanaryWorld, 'provider' | 'quoting' | 'oidc' | 'dataDir'> & { readonly redis: RedisServer; readonly saidOverRedis: () => Buffer }) {
    this.provider = provider;
    this.quoting = quoting;
    this.oidc = oidc;
    this.dataDir = dataDir;
    this.#redis = redis;
    this.#saidOverRedis = saidOverRedis;
    this.canaries.text('password of Redis', redis.password);
    this.canaries.text('client secret', OIDC_CLIENT_SECRET);
  }

  get product(): Product {
    if (this.#product === undefined) throw new Error('Nothing was started.');
    return this.#product;
  }

  get witness(): Witness {
    if (this.#witness === undefined) throw new Error('Nothing was started.');
    return this.#witness;
  }

  get reports(): string {
    return join(this.dataDir, 'reports');
  }

  /** With all that is logged at all, and with a diagnostic report on request. */
  environment(): Record<string, string> {
    return {
      ...localServices(this.provider, ['openai', 'anthropic', 'groq', 'mistral', 'openrouter']),
      KEYHOLD_SERVICE_BASE_URL_DEEPSEEK: this.quoting.url,
      KEYHOLD_SERVICE_BASE_URL_XAI: this.quoting.url,
      KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1',
      KEYHOLD_PUBLIC_URL: PUBLIC_URL,
      KEYHOLD_OIDC_ISSUER: this.oidc.issuer,
      KEYHOLD_OIDC_TENANTS: 'any',
      KEYHOLD_OIDC_HIGHEST_ROLE: 'tenant-admin',
      KEYHOLD_OIDC_PLATFORM_ROLES: 'true',
      KEYHOLD_OIDC_CLIENT_ID: 'keyhold',
      KEYHOLD_OIDC_CLIENT_SECRET: OIDC_CLIENT_SECRET,
      KEYHOLD_ALLOW_HTTP_UPSTREAM: 'true',
      KEYHOLD_LOG_LEVEL: 'debug',
      KEYHOLD_ADMIN_TOKEN: '',
      NODE_OPTIONS: `--report-on-signal --report-signal=SIGUSR2 --report-directory=${this.reports}`,
      OPENAI_API_KEY: this.#ownKey,
      KEYHOLD_LEGACY_KEY: this.legacyPassphrase,
      KEYHOLD_FERNET_KEYS: this.fernetKey,
      REDIS_URL: this.#redis.url,
      ...this.settings,
    };
  }

  async start(env: Readonly<Record<string, string>>): Promise<void> {
    this.#product = await startProduct({ dataDir: this.dataDir, env: { ...this.environment(), ...env } });
    this.#witness = new Witness(this.evidence, this.#product.url);
  }

  async close(): Promise<void> {
    await this.#product?.kill();
    await Promise.all([this.provider.close(), this.quoting.close(), this.oidc.close(), this.#redis.close()]);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Keeps what is in the data folder now, and what the process has written so far. */
  async look(when: string): Promise<void> {
    await this.evidence.addFolder(`data folder ${when}`, join(this.dataDir, 'data'), KEPT_BY_DESIGN);
    this.evidence.add(`output ${when}`, this.product.output());
  }

  /** Keeps what replicas have told one another over Redis (S32), every command that changed something there, and what lies there. */
  async lookIntoRedis(): Promise<void> {
    this.evidence.add('messages over Redis', this.#saidOverRedis());
    this.evidence.add('files of Redis', await this.#redis.everything());
  }

  /** Throws unless the answer is a success. */
  async ok(ask: Ask): Promise<Told> {
    const told = await this.witness.ask(ask);
    if (told.status < 200 || told.status > 299) throw new Error(`${ask.method} ${ask.path}: ${told.status} ${told.text.slice(0, 500)}`);
    return told;
  }

  async statuses(asks: readonly (readonly [status: number, ask: Ask])[]): Promise<void> {
    for (const [status, ask] of asks) {
      const told = await this.witness.ask(ask);
      expect({ ask: `${ask.method} ${ask.path.slice(0, 80)}`, status: told.status, text: told.text.slice(0, 300) }).toMatchObject({ status });
    }
  }

  async makeToken(path: string, token: string, role: string): Promise<{ readonly id: string; readonly text: string }> {
    const { body } = await this.ok({ method: 'POST', path, token, body: { name: role, role }, shows: 'token' });
    return { id: String(body['id']), text: this.canaries.token(`${role} token`, String(body['token'])) };
  }
}

export function chat(model: string, rest: Readonly<Record<string, unknown>> = {}): Pick<Ask, 'method' | 'path' | 'body'> {
  return { method: 'POST', path: '/v1/chat/completions', body: { model, messages: [{ role: 'user', content: 'Hello' }], ...rest } };
}
