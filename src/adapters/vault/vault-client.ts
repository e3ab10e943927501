import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { StoreHealth } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { VaultAuth } from './vault-auth.ts';

export interface VaultClientOptions {
  /** Scheme, host and port, perhaps a path before `/v1`. */
  readonly address: string;
  readonly auth: VaultAuth;
  readonly namespace?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

export type VaultMethod = 'GET' | 'LIST' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface VaultCall {
  readonly method: VaultMethod;
  /** Below `/v1/`, without a slash at its beginning; segments are encoded here: `secret/data/tenants/acme/api-keys/openai`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON; PATCH as a merge patch. */
  readonly body?: unknown;
  /** What a policy must allow on the path, for the message of a refusal: `read`, `create`, `update`. Default: by the method. */
  readonly capability?: string;
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
  /** A round trip to `sys/health`. Never rejects. */
  health(): Promise<StoreHealth>;
  /** Ends timers and connections, and the token if this client made it by signing in. */
  close(): Promise<void>;
}
