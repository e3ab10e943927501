import { createDefaultHttpClient, type HttpClient, type PipelineRequest, type PipelineResponse } from '@azure/core-rest-pipeline';
import type { Clock } from '../../../ports/clock.ts';
import { wasNothingSent } from '../../azure/nothing-sent.ts';
import { ConnectionRest } from '../connection-rest.ts';
import { CosmosFailure } from './cosmos-failure.ts';

export interface CosmosWayOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long one request may take, from when it leaves. */
  readonly timeoutMs: number;
  /** Requests under way at once; others wait for their turn. */
  readonly atOnce: number;
}

const WORD = /^[A-Z][A-Z0-9_]{0,63}$/u;

/**
 * The last step of the official library's way to an account. What goes wrong on it becomes a failure that the library does not know, since it would
 * repeat a write whose answer was lost, up to 120 times, and count a request's time from before its turn. While the account is away nobody waits for that.
 */
export class CosmosWay implements HttpClient {
  readonly #inner: HttpClient = createDefaultHttpClient();
  readonly #timeoutMs: number;
  readonly #rest: ConnectionRest;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor({ clock, timeoutMs, atOnce }: CosmosWayOptions) {
    this.#rest = new ConnectionRest(clock);
    this.#timeoutMs = timeoutMs;
    this.#free = atOnce;
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    await this.#turn();
    try {
      return spoken(await this.#send(request));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  async #send(request: PipelineRequest): Promise<PipelineResponse> {
    if (!this.#rest.mayTry(false)) throw new CosmosFailure('resting', { mayHaveHappened: false });
    const timer = AbortSignal.timeout(this.#timeoutMs);
    request.abortSignal = timer;
    // Only an address on this machine may be http (config/); the library has to be told so where it is given an agent.
    request.allowInsecureConnection = request.url.startsWith('http:');
    try {
      const response = await this.#inner.sendRequest(request);
      this.#rest.answered();
      return response;
    } catch (error) {
      if (timer.aborted) {
        this.#rest.silent();
        throw new CosmosFailure('silent', { mayHaveHappened: true });
      }
      const code = error instanceof Error && 'code' in error && typeof error.code === 'string' && WORD.test(error.code) ? error.code : undefined;
      const nothingSent = code !== undefined && wasNothingSent(code);
      if (nothingSent) this.#rest.unreachable();
      else this.#rest.undecided();
      throw new CosmosFailure(nothingSent ? 'unreachable' : 'broken', { mayHaveHappened: !nothingSent, code });
    }
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
  }
}

/** The library takes every answer for Cosmos DB's. A proxy's page, whose 404 is never «no such item», ends here. */
function spoken(response: PipelineResponse): PipelineResponse {
  const { status, bodyAsText } = response;
  if (status === 204 || status === 304) return response;
  let body: unknown;
  try {
    body = JSON.parse(bodyAsText ?? '');
  } catch {
    body = undefined;
  }
  if (typeof body === 'object' && body !== null) return response;
  throw new CosmosFailure(status >= 500 || status === 408 || status === 410 ? 'failing' : 'not-cosmos', { mayHaveHappened: status < 400 || status >= 500, status });
}
