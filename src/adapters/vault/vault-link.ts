import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { Rest } from '../../core/outages/rest.ts';
import { VaultFailure, type VaultTrouble } from './vault-failure.ts';
import type { TransportAnswer, TransportRequest, VaultTransport } from './vault-transport.ts';

/** A node that lags catches up within a second or two, or is worse off than lagging (FACTS 1). */
const CATCH_UP_MS = [50, 100, 200, 400, 800];
/** A state older than this every node has, or never will: one that was restored from a snapshot since. */
const INDEX_LASTS_MS = 60_000;
/** The longest `Retry-After` of a quota that a request waits for itself. */
const LONGEST_WAIT_S = 1;

export interface LinkOptions {
  readonly transport: VaultTransport;
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Told of every failure that is about Vault as a whole, not about one request. */
  readonly onOutage: (failure: VaultFailure) => void;
}

export interface LinkRequest extends Omit<TransportRequest, 'headers' | 'body'> {
  readonly token?: SecretValue | undefined;
  readonly body?: unknown;
}

/** What Vault answered with 200, 204, 400, 403 or 404. */
export interface LinkAnswer extends TransportAnswer {
  readonly status: 200 | 204 | 400 | 403 | 404;
  readonly errors: readonly string[];
}

/**
 * Requests to Vault as Vault understands them: its headers, what its statuses mean (FACTS 1), its consistency across nodes, and a
 * rest when it keeps failing. Throws `VaultFailure`.
 */
export class VaultLink {
  readonly #transport: VaultTransport;
  readonly #namespace: string | undefined;
  readonly #clock: Clock;
  readonly #onOutage: (failure: VaultFailure) => void;
  readonly #rest: Rest;
  #index: { readonly text: string; readonly at: number } | undefined;

  constructor({ transport, namespace, clock, random, onOutage }: LinkOptions) {
    this.#transport = transport;
    this.#namespace = namespace;
    this.#clock = clock;
    this.#rest = new Rest(clock, random);
    this.#onOutage = onOutage;
  }

  async exchange(request: LinkRequest): Promise<LinkAnswer> {
    const restMs = this.#rest.leftMs;
    if (restMs > 0) throw new VaultFailure('resting', { mayHaveHappened: false, retryAfterSeconds: Math.ceil(restMs / 1000) });
    return this.#tracked(() => this.#patiently(() => this.#once(request)));
  }

  /** Whether this Vault can serve: `sys/health`, which needs no token and, in every namespace, is the root's. Not kept off by a rest. */
  async checkHealth(): Promise<void> {
    await this.#tracked(async () => {
      const answer = await this.#transport.send({ method: 'GET', path: 'sys/health', query: { standbyok: 'true', perfstandbyok: 'true' }, headers: vaultHeaders });
      if (answer.status !== 200) throw failureByStatus(answer, false);
      const { sealed, standby, performance_standby: readsByItself } = answer.body;
      if (typeof sealed !== 'boolean') throw new VaultFailure('not-vault', { mayHaveHappened: false, status: answer.status });
      if (standby === true && readsByItself !== true) await this.#requireActiveNode();
    });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** A standby is well by its own account when there is nobody to whom it could pass requests on. */
  async #requireActiveNode(): Promise<void> {
    const { status, body } = await this.#transport.send({ method: 'GET', path: 'sys/leader', headers: vaultHeaders });
    if (status === 200 && body['leader_address'] === '') throw new VaultFailure('leaderless', { mayHaveHappened: false });
  }

  /** What Vault has certainly not done, and will do in a moment, is asked again. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const pauseMs = error instanceof VaultFailure ? pauseBeforeRepeat(error, attempt) : undefined;
        if (pauseMs === undefined) throw error;
        await sleep(pauseMs);
      }
    }
  }

  async #once(request: LinkRequest): Promise<LinkAnswer> {
    const answer = await this.#transport.send(this.#asSent(request));
    if (answer.index !== undefined) this.#index = { text: answer.index, at: this.#clock.monotonic() };
    return understood(answer, request.method !== 'GET');
  }

  #asSent({ token, body, ...request }: LinkRequest): TransportRequest {
    const index = this.#index !== undefined && this.#clock.monotonic() - this.#index.at < INDEX_LASTS_MS ? this.#index.text : undefined;
    return {
      ...request,
      headers: {
        ...vaultHeaders,
        ...(token === undefined ? {} : { 'x-vault-token': token.reveal() }),
        ...(this.#namespace === undefined ? {} : { 'x-vault-namespace': this.#namespace }),
        ...(index === undefined ? {} : { 'x-vault-index': index }),
        ...(body === undefined ? {} : { 'content-type': request.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      // Seen alive, whoever asked.
      this.#rest.well();
      return result;
    } catch (error) {
      if (error instanceof VaultFailure && isOutage(error.trouble)) this.#noteOutage(error);
      throw error;
    }
  }

  #noteOutage(failure: VaultFailure): void {
    this.#rest.failed();
    this.#onOutage(failure);
  }
}

/** `X-Vault-Request` is what a Vault agent may insist on, against requests that a server was tricked into. */
const vaultHeaders: Readonly<Record<string, string>> = { accept: 'application/json', 'x-vault-request': 'true' };

function understood(answer: TransportAnswer, changes: boolean): LinkAnswer {
  const { status } = answer;
  const errors = errorsOf(answer.body);
  if (status === 200 || status === 204 || status === 403) return { ...answer, status, errors };
  if (status === 400) {
    // A KV engine that is being made one with versions; it is over within seconds.
    if (errors.some((error) => error.startsWith('Upgrading from non-versioned'))) throw new VaultFailure('failing', { mayHaveHappened: false, status });
    return { ...answer, status, errors };
  }
  if (status === 404) {
    // Nothing under a path is a 404 without errors. With one it is the engine that is missing, which is never "no such key".
    if (errors.length > 0) throw new VaultFailure('no-engine', { mayHaveHappened: false, status });
    return { ...answer, status, errors };
  }
  throw failureByStatus(answer, changes);
}

function errorsOf({ errors }: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(errors) ? errors.filter((error) => typeof error === 'string') : [];
}

function pauseBeforeRepeat({ trouble, retryAfterSeconds }: VaultFailure, attempt: number): number | undefined {
  if (trouble === 'behind') return CATCH_UP_MS[attempt];
  if (trouble === 'busy' && attempt === 0 && retryAfterSeconds !== undefined && retryAfterSeconds <= LONGEST_WAIT_S) return retryAfterSeconds * 1000;
  return undefined;
}

function failureByStatus({ status, retryAfterSeconds, body, isRedirected }: TransportAnswer, changes: boolean): VaultFailure {
  const trouble = troubleByStatus(status, body);
  const isRefusal = trouble === 'busy' || trouble === 'behind' || trouble === 'not-initialized' || trouble === 'sealed' || (trouble === 'leaderless' && status === 500);
  return new VaultFailure(trouble, { mayHaveHappened: changes && (!isRefusal || isRedirected), status, retryAfterSeconds });
}

function troubleByStatus(status: number, body: Readonly<Record<string, unknown>>): VaultTrouble {
  switch (status) {
    case 412:
      return 'behind';
    case 429:
      return 'busy';
    case 472:
    case 473:
      return 'standby';
    case 474:
      return 'leaderless';
    case 501:
      return 'not-initialized';
    case 502:
    case 504:
      return 'away';
    case 500:
      // A node that knows of no active one has passed nothing on.
      return errorsOf(body).some((error) => error.includes('active cluster node not found')) ? 'leaderless' : 'failing';
    case 503:
      // Only Vault itself knows that it did nothing; a proxy before it may have sent the request on.
      if (body['sealed'] === true || errorsOf(body).includes('Vault is sealed')) return 'sealed';
      return errorsOf(body).includes('no active Vault instance found') ? 'leaderless' : 'away';
    case 530:
      return 'removed';
    default:
      return status >= 300 && status < 400 ? 'moved' : 'failing';
  }
}

/** A quota, a node that lags and one failing path say nothing about the next request. */
function isOutage(trouble: VaultTrouble): boolean {
  return trouble !== 'busy' && trouble !== 'behind' && trouble !== 'failing' && trouble !== 'no-engine' && trouble !== 'closed' && trouble !== 'resting';
}
