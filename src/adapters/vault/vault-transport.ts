import { createSecureContext } from 'node:tls';
import { type Dispatcher, errors, Pool } from 'undici';
import { connectorOf, type Way } from '../../egress/connector.ts';
import { StartError } from '../../ports/start-error.ts';
import { VaultFailure, type VaultFailureOptions, type VaultTrouble } from './vault-failure.ts';

/** From the request to the last byte of its answer (S20). */
const DEADLINE_MS = 5_000;
const LARGEST_ANSWER = 1024 * 1024;
const CONNECTIONS = 16;
const MOST_REDIRECTS = 2;
/** Where the answer's content counts, it must be Vault's; of other answers the status is enough. */
const WITH_CONTENT: ReadonlySet<number> = new Set([200, 400, 403, 404, 500, 503]);

export interface TransportOptions {
  readonly address: string;
  /** PEM texts. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly way: Way;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1/`, not encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string | undefined;
}

export interface TransportAnswer {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** `X-Vault-Index`: the state after a write, which a later read on another node must have reached. */
  readonly index: string | undefined;
  /** Whether a redirect led here: a standby gives one, too, when the active node has carried the request out and could not say so any more. */
  readonly isRedirected: boolean;
  /** The JSON object; empty where the status says all. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * HTTP to one Vault: a pool of its own, 5 s a request, answers of 1 MiB at most that must be JSON objects, redirects within the same
 * origin only (S20). Throws `VaultFailure`.
 */
export class VaultTransport {
  readonly #origin: string;
  readonly #basePath: string;
  readonly #pool: Pool;

  constructor({ address, tls, way }: TransportOptions) {
    const url = URL.parse(address);
    if (url === null || !/^https?:$/u.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw new StartError(2, 'VAULT_ADDR is not an address that can be used. Example: VAULT_ADDR=https://vault.example.com:8200');
    }
    requireUsable(tls);
    this.#origin = url.origin;
    this.#basePath = `${url.pathname.replace(/\/+$/u, '')}/v1/`;
    this.#pool = new Pool(url.origin, {
      allowH2: false,
      connections: CONNECTIONS,
      connect: connectorOf(way, { timeout: DEADLINE_MS, ...tls }),
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
      maxResponseSize: LARGEST_ANSWER,
    });
  }

  async send(request: TransportRequest): Promise<TransportAnswer> {
    // One deadline for everything, a second attempt and redirects included.
    const signal = AbortSignal.timeout(DEADLINE_MS);
    try {
      return await this.#follow(request, signal);
    } catch (error) {
      // A connection that was kept open and has been closed at the other end: asking once more is safe where nothing is changed.
      if (request.method !== 'GET' || !(error instanceof VaultFailure) || error.trouble !== 'broken') throw error;
      return await this.#follow(request, signal);
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #follow(request: TransportRequest, signal: AbortSignal): Promise<TransportAnswer> {
    let target = this.#target(request);
    for (let redirects = 0; ; redirects += 1) {
      const isRedirected = redirects > 0;
      const answer = await this.#exchange(target, request, { signal, isRedirected });
      if (!('location' in answer)) return { ...answer, isRedirected };
      const next = URL.parse(answer.location, this.#origin);
      if (next?.origin !== this.#origin || redirects === MOST_REDIRECTS) throw new VaultFailure('moved', { mayHaveHappened: changes(request), status: answer.status });
      target = next.pathname + next.search;
    }
  }

  #target({ path, query = {} }: TransportRequest): string {
    const search = new URLSearchParams(query).toString();
    return this.#basePath + path.split('/').map(encodeURIComponent).join('/') + (search === '' ? '' : `?${search}`);
  }

  async #exchange(target: string, request: TransportRequest, { signal, isRedirected }: Circumstances): Promise<Omit<TransportAnswer, 'isRedirected'> | { readonly status: number; readonly location: string }> {
    const { method, headers, body } = request;
    try {
      const response = await this.#pool.request({ method, path: target, headers, body: body ?? null, signal });
      const { statusCode: status } = response;
      if (status === 307 || status === 308) {
        await response.body.dump();
        return { status, location: headerOf(response, 'location') ?? '' };
      }
      return { status, retryAfterSeconds: retryAfter(response), index: headerOf(response, 'x-vault-index'), body: await content(response) };
    } catch (error) {
      const { trouble, ...failure } = failureOf(error, signal);
      throw new VaultFailure(trouble, { ...failure, mayHaveHappened: changes(request) && (failure.mayHaveHappened || isRedirected) });
    }
  }
}

interface Circumstances {
  readonly signal: AbortSignal;
  readonly isRedirected: boolean;
}

/** What only reads has changed nothing, whatever became of it. */
function changes({ method }: TransportRequest): boolean {
  return method !== 'GET';
}

function requireUsable(tls: TransportOptions['tls']): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new StartError(2, 'The certificates for Vault cannot be used. Check that VAULT_CACERT, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY name PEM files, and that the key belongs to the certificate.', { cause });
  }
}

async function content(response: Dispatcher.ResponseData): Promise<Readonly<Record<string, unknown>>> {
  const { statusCode: status, body } = response;
  if (status === 204 || !WITH_CONTENT.has(status)) {
    await body.dump();
    return {};
  }
  const bytes = await body.bytes();
  const parsed = isJson(response) ? parse(bytes) : undefined;
  if (parsed !== undefined) return parsed;
  // What stands before Vault fails in words of its own; that is an outage, too.
  if (status >= 500) return {};
  throw new VaultFailure('not-vault', { mayHaveHappened: status === 200, status });
}

function isJson(response: Dispatcher.ResponseData): boolean {
  return /^application\/json\s*(?:;|$)/iu.test(headerOf(response, 'content-type') ?? '');
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function retryAfter(response: Dispatcher.ResponseData): number | undefined {
  const text = headerOf(response, 'retry-after');
  return text !== undefined && /^\d{1,5}$/u.test(text) ? Math.max(1, Number(text)) : undefined;
}

const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/** Failures before a connection was there: Vault has seen nothing. Those of certificates have codes of many names. */
const UNREACHABLE = /^(?:UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ERR_EGRESS_REFUSED|ERR_PROXY_FAILED|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w*(?:CERTIFICATE\w*|UNKNOWN_CA|HANDSHAKE_FAILURE|PROTOCOL_VERSION|WRONG_VERSION_NUMBER)|EPROTO)$/u;

function failureOf(error: unknown, signal: AbortSignal): VaultFailureOptions & { readonly trouble: VaultTrouble } {
  if (error instanceof VaultFailure) return { trouble: error.trouble, mayHaveHappened: error.mayHaveHappened, status: error.status };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const trouble = error instanceof errors.HTTPParserError ? 'not-vault' : troubleOf(code, signal);
  return { trouble, mayHaveHappened: trouble !== 'unreachable', cause: error };
}

function troubleOf(code: string, signal: AbortSignal): VaultTrouble {
  if (signal.aborted || TIMEOUTS.has(code)) return 'silent';
  if (UNREACHABLE.test(code)) return 'unreachable';
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'closed';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW') return 'not-vault';
  return 'broken';
}
