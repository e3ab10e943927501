import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClientMetadata, type JWK, Provider } from 'oidc-provider';
import { ProviderRecords } from './map-adapter.ts';

/** What stands for Keyhold in `aud` of its access tokens. */
export const OIDC_AUDIENCE = 'https://keyhold.example.com';
/** Obviously no real secret. */
export const OIDC_CLIENT_SECRET = 'test-client-secret-of-keyhold-0123456789';

export interface OidcServer {
  readonly issuer: string;
  /** Who is at the keyboard when the provider asks; also what becomes of requests to Keyhold's users there. */
  user: string;
  /** Of access tokens made from now on. */
  accessTokenSeconds: number;
  /** Connections are cut without an answer. */
  away: boolean;
  /** Addresses that were asked, without their queries. */
  readonly asked: string[];
  /** What its token endpoint has given out: ID tokens, access tokens and refresh tokens. */
  readonly issued: string[];
  /** Where the web client `keyhold` comes back to, and, there or elsewhere, is told that somebody has left. */
  registerWebClient(origin: string, toldAt?: string): Promise<void>;
  /** Signs with a new key from now on; the ones before stay published. */
  rotateKeys(): Promise<void>;
  /** Publishes the newest key alone. */
  withdrawOldKeys(): Promise<void>;
  close(): Promise<void>;
}

/** A real identity provider (oidc-provider) on this machine: discovery, code flow with PKCE, device flow, refresh tokens, JWT access tokens for Keyhold, both kinds of logout. Whoever asks is signed in as `user`, without a page. */
export async function startOidcServer(): Promise<OidcServer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new RunningServer(server, (server.address() as AddressInfo).port);
}

class RunningServer implements OidcServer {
  readonly issuer: string;
  user = 'ada';
  accessTokenSeconds = 3_600;
  away = false;
  readonly asked: string[] = [];
  readonly issued: string[] = [];
  readonly #server: Server;
  readonly #records = new ProviderRecords();
  #origin = 'http://127.0.0.1:9';
  #toldAt = 'http://127.0.0.1:9';
  #keys: JWK[] = [newKey()];
  #provider: Provider;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.issuer = `http://127.0.0.1:${port}`;
    this.#provider = this.#made();
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  async registerWebClient(origin: string, toldAt = origin): Promise<void> {
    this.#origin = origin;
    this.#toldAt = toldAt;
    this.#provider = this.#made();
  }

  async rotateKeys(): Promise<void> {
    this.#keys = [newKey(), ...this.#keys];
    this.#provider = this.#made();
  }

  async withdrawOldKeys(): Promise<void> {
    this.#keys = this.#keys.slice(0, 1);
    this.#provider = this.#made();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => void this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    this.asked.push(path);
    if (this.away) request.socket.destroy();
    else if (path.startsWith('/interaction/')) await this.#provider.interactionFinished(request, response, { login: { accountId: this.user }, consent: {} }, { mergeWithLastSubmission: false });
    else await this.#provider.callback()(request, response);
  }

  /** Keys and clients are the library's for the life of a provider: a change makes another one over the same records. */
  #made(): Provider {
    const provider = new Provider(this.issuer, {
      adapter: this.#records.adapter,
      clients: clientsOf(this.#origin, this.#toldAt),
      jwks: { keys: this.#keys },
      cookies: { keys: ['test-cookie-key'] },
      claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
      scopes: ['openid', 'offline_access', 'profile', 'email'],
      pkce: { required: () => true },
      findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, name: `Test ${id}`, email: `${id}@example.com` }) }),
      interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
      issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
      loadExistingGrant: async ({ oidc: { client, session, provider } }) => {
        const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
        grant.addOIDCScope('openid offline_access profile email');
        grant.addResourceScope(OIDC_AUDIENCE, 'api');
        grant.addResourceScope('https://other.example.com', 'api');
        await grant.save();
        return grant;
      },
      ttl: { AccessToken: () => this.accessTokenSeconds, IdToken: 3_600, RefreshToken: 86_400, Session: 86_400, Grant: 86_400, Interaction: 600, DeviceCode: 600 },
      features: {
        devInteractions: { enabled: false },
        deviceFlow: { enabled: true },
        revocation: { enabled: true },
        backchannelLogout: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: async (_ctx, _client, oneOf) => oneOf ?? OIDC_AUDIENCE,
          useGrantedResource: async () => true,
          getResourceServerInfo: async (_ctx, resource) => ({ scope: 'api', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
        },
      },
      // The library's own way refuses addresses of this machine.
      fetch: (url, { dispatcher: _guarded, ...options } = {}) => fetch(url, options),
    });
    provider.on('grant.success', ({ body }) => {
      if (typeof body !== 'object' || body === null) return;
      this.issued.push(...Object.entries(body).flatMap(([name, value]) => (name.endsWith('_token') && typeof value === 'string' ? [value] : [])));
    });
    return provider;
  }
}

function clientsOf(origin: string, toldAt: string): ClientMetadata[] {
  return [
    {
      client_id: 'keyhold',
      client_secret: OIDC_CLIENT_SECRET,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${origin}/api/v1/sign-in/callback`],
      post_logout_redirect_uris: [`${origin}/`],
      backchannel_logout_uri: `${toldAt}/api/v1/sign-in/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
    {
      client_id: 'keyhold-cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: ['http://127.0.0.1/callback'],
    },
  ];
}

function newKey(): JWK {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { ...jwk, kty: 'RSA', kid: randomUUID(), use: 'sig', alg: 'RS256' };
}
