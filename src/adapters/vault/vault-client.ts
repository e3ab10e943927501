import { setTimeout as sleep } from 'node:timers/promises';
import { askedHealth } from '../../core/outages/asked-health.ts';
import type { Way } from '../../egress/connector.ts';
import { Proxies, type ProxyRules } from '../../egress/proxies.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { StoreHealth } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { secretIn } from './kv-secret.ts';
import { SecretSource } from './secret-source.ts';
import type { SignIn, SignInTools } from './sign-in.ts';
import { SignInAppRole } from './sign-in-app-role.ts';
import { SignInKubernetes } from './sign-in-kubernetes.ts';
import { SignInToken } from './sign-in-token.ts';
import type { VaultAuth } from './vault-auth.ts';
import { asUnavailable, VaultFailure } from './vault-failure.ts';
import { VaultLink } from './vault-link.ts';
import { VaultSession } from './vault-session.ts';
import { VaultTransport } from './vault-transport.ts';
import { WrappedSecret } from './wrapped-secret.ts';

export interface VaultClientOptions {
  /** Scheme, host and port, perhaps a path before `/v1`. */
  readonly address: string;
  readonly auth: VaultAuth;
  readonly namespace?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** How it is reached, where others than the operator have named it. */
  readonly way?: Way | undefined;
  /** What is on the way to it, where the operator has; left out: nothing. */
  readonly proxies?: ProxyRules | null;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

type VaultMethod = 'GET' | 'LIST' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface VaultCall {
  readonly method: VaultMethod;
  /** Below `/v1/`, without a slash at its beginning; segments are encoded here: `secret/data/tenants/acme/api-keys/openai`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON; PATCH as a merge patch. */
  readonly body?: unknown;
  /** What a policy must allow on the path, for the message of a refusal: `read`, `create`, `update`. Default: by the method. */
  readonly capability?: string;
  /** A refusal is no news: it is thrown, but not logged. */
  readonly mayBeForbidden?: boolean;
}

/** What Vault answered with 200, 204, 400 or 404; everything else is thrown. */
export interface VaultAnswer {
  readonly status: 200 | 204 | 400 | 404;
  /** The JSON object; empty for 204. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Vault's own words. Only to tell one refusal from another: never shown, never logged. */
  readonly errors: readonly string[];
}

/** One version of a secret in a KV v2 engine. */
export interface VaultSecret {
  readonly version: number;
  /** The values that are text, by name. */
  readonly fields: SecretFields;
  /** Names whose values are not text (numbers, lists), which no key is. */
  readonly notText: readonly string[];
}

/**
 * A client of one Vault (or OpenBao) that signs in, renews and signs in again by itself. Every method throws KeyholdError:
 * `unavailable` while Vault cannot be reached, is sealed, standing by without an active node, out of quota, or answers what is
 * not Vault's; also while it refuses the sign-in. `permission_denied` when a policy forbids the path, after a fresh sign-in.
 * What Vault says in an error is never in a message.
 */
export interface VaultClient {
  /**
   * Signs in for the first time, and logs `vault_connected`, or `vault_connection_failed` or `vault_authentication_failed`; in
   * those cases it throws, and later calls (and its own timer) try again: the caller decides whether to go on without Vault.
   */
  start(): Promise<void>;
  /** The newest version, or the one that is asked for. Undefined when there is none, or it is deleted or destroyed. */
  readSecret(mount: string, path: string, version?: number): Promise<VaultSecret | undefined>;
  request(call: VaultCall): Promise<VaultAnswer>;
  /** Whether the last thing known of Vault is that it answers and has let us in. */
  connected(): boolean;
  /** Whether Vault can serve and lets us in: a round trip to `sys/health`, and a sign-in where there is no token. Never rejects. */
  health(): Promise<StoreHealth>;
  /** Ends timers and connections, and the token if this client made it by signing in. */
  close(): Promise<void>;
}

/** How long a stop waits until the token is given up. */
const CLOSING_MS = 3_000;
/** How often a failing request may be the reason for asking whether all of Vault fails. */
const DOUBT_AFTER_MS = 5_000;

/** Throws `StartError` 2 for an address or certificates that cannot be used. Nothing is sent before `start`. */
export function createVaultClient(options: VaultClientOptions): VaultClient {
  return new HttpVaultClient(options);
}

class HttpVaultClient implements VaultClient {
  readonly #link: VaultLink;
  readonly #session: VaultSession;
  readonly #watch: ConnectionWatch;
  readonly #clock: Clock;
  readonly #log: Log;
  #doubtsAgainAt = 0;
  #checking: Promise<void> | undefined;

  constructor({ address, auth, namespace, tls = {}, proxies = null, way = new Proxies(proxies), clock, random, log }: VaultClientOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#watch = new ConnectionWatch({ event: 'vault', title: 'Vault', address, random, log, check: () => this.#check() });
    this.#link = new VaultLink({ transport: new VaultTransport({ address, tls, way }), namespace, clock, random, onOutage: (failure) => this.#watch.failed(failure) });
    this.#session = new VaultSession({
      link: this.#link,
      signIn: signInBy(auth, { link: this.#link, clock }),
      clock,
      random,
      log,
      onSignedIn: () => this.#watch.connected(),
      onRefused: (error) => this.#watch.refused(error, this.#session.isSignedIn()),
      onUnavailable: (failure) => this.#watch.failed(failure),
    });
  }

  async start(): Promise<void> {
    await this.#translated(() => this.#session.token());
  }

  readSecret(mount: string, path: string, version?: number): Promise<VaultSecret | undefined> {
    return this.#translated(async () => {
      const query = version === undefined ? {} : { query: { version: String(version) } };
      return secretIn(await this.#request({ method: 'GET', path: `${mount}/data/${path}`, ...query }), version);
    });
  }

  request(call: VaultCall): Promise<VaultAnswer> {
    return this.#translated(() => this.#request(call));
  }

  connected(): boolean {
    return this.#watch.isConnected() && this.#session.isSignedIn();
  }

  async health(): Promise<StoreHealth> {
    const health = await askedHealth(this.#clock, () => this.#check().catch(unavailable));
    // Who asks need not wait until the watch looks again.
    if (health.connected) this.#watch.connected();
    return health;
  }

  async close(): Promise<void> {
    this.#watch.close();
    await Promise.race([this.#session.close(), sleep(CLOSING_MS, undefined, { ref: false })]);
    await this.#link.close();
  }

  /** One question for all who ask at the same time: strangers may ask how ready we are, and Vault must not pay for that. */
  #check(): Promise<void> {
    this.#checking ??= this.#ask().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  /** After an outage it takes an answer to a real request: a node can be well by its own account and yet serve nobody. */
  async #ask(): Promise<void> {
    await this.#link.checkHealth();
    await (this.#watch.isConnected() ? this.#session.token() : this.#session.prove());
  }

  /** One failing path says nothing of the others. When Vault cannot even say whose our token is, all of it fails. */
  async #doubt(): Promise<void> {
    const now = this.#clock.monotonic();
    if (!this.connected() || now < this.#doubtsAgainAt) return;
    this.#doubtsAgainAt = now + DOUBT_AFTER_MS;
    await this.#session.prove().catch((error: unknown) => {
      if (error instanceof VaultFailure && error.trouble === 'failing') this.#watch.failed(error);
    });
  }

  async #request(call: VaultCall): Promise<VaultAnswer> {
    const { method, path, query, body } = call;
    const asSent = { method: method === 'LIST' ? ('GET' as const) : method, path, query: method === 'LIST' ? { ...query, list: 'true' } : query, body };
    let token = await this.#session.token();
    let answer = await this.#link.exchange({ ...asSent, token });
    if (answer.status === 403) {
      const another = await this.#session.afterForbidden(token, answer.errors);
      if (another === undefined) throw this.#forbidden(call);
      token = another;
      answer = await this.#link.exchange({ ...asSent, token });
    }
    const { status } = answer;
    if (status === 403) throw this.#forbidden(call);
    this.#watch.connected();
    return { status, body: answer.body, errors: answer.errors };
  }

  #forbidden({ method, path, capability = capabilities[method], mayBeForbidden = false }: VaultCall): KeyholdError {
    if (!mayBeForbidden) this.#log.warn('vault_permission_denied', `Vault does not allow Keyhold to ${capability} ${path}. Add to its policy: path "${path}" { capabilities = ["${capability}"] }`);
    return new KeyholdError('permission_denied', `Vault does not allow Keyhold to ${capability} ${path}. An operator has to add that to Keyhold's policy in Vault.`);
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof VaultFailure)) throw error;
      if (error.trouble === 'failing') void this.#doubt();
      throw asUnavailable(error);
    }
  }
}

function unavailable(error: unknown): never {
  throw error instanceof VaultFailure ? asUnavailable(error) : error;
}

const capabilities: Readonly<Record<VaultMethod, string>> = { GET: 'read', LIST: 'list', POST: 'update', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function signInBy(auth: VaultAuth, tools: SignInTools): SignIn {
  if (auth.kind === 'token') return new SignInToken(tools, new SecretSource(auth.token));
  if (auth.kind === 'token-file') return new SignInToken(tools, new SecretSource({ file: auth.file }));
  if (auth.kind === 'kubernetes') {
    return new SignInKubernetes(tools, { mount: auth.mount ?? 'kubernetes', role: auth.role, audience: auth.audience, tokenFile: auth.tokenFile });
  }
  const { mount = 'approle', roleId } = auth;
  const secretId = auth.kind === 'app-role' ? new SecretSource(auth.secretId) : new WrappedSecret({ link: tools.link, source: new SecretSource(auth.wrappedSecretId), mount });
  return new SignInAppRole(tools, { mount, roleId, secretId });
}
