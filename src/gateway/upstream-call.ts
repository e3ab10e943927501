import { KeyholdError } from '../ports/errors.ts';
import type { Flow, Relay, UpstreamHeaders } from './relay.ts';
import type { CallEvents, OutgoingRequest, UpstreamConnection } from './upstream/upstream-connection.ts';
import type { UpstreamFailure } from './upstream/upstream-failure.ts';
import type { UpstreamPool } from './upstream/upstream-pool.ts';

/** What a call tells about its answer, once its head is there or it is clear that there will be none. */
export interface CallObserver {
  /** Chooses who carries the answer. */
  answered(status: number, headers: UpstreamHeaders, flow: Flow): Relay;
  /** `sent` tells whether the request may have reached the upstream. */
  unanswered(error: KeyholdError, sent: boolean): void;
}

/** One call to an upstream, from its request to the last byte of its answer. */
export class UpstreamCall implements CallEvents, Flow {
  readonly #observer: CallObserver;
  readonly #service: string;
  #connection: Pick<UpstreamConnection, 'pause' | 'resume' | 'abort'> | undefined;
  #relay: Relay | undefined;
  #over = false;

  constructor(observer: CallObserver, service: string) {
    this.#observer = observer;
    this.#service = service;
  }

  start(pool: Pick<UpstreamPool, 'send'>, request: OutgoingRequest): void {
    const connection = pool.send(request, this);
    // What cannot be sent has failed already.
    if (!this.#over) this.#connection = connection;
  }

  get relay(): Relay | undefined {
    return this.#relay;
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  abort(): void {
    this.#over = true;
    this.#connection?.abort();
    this.#connection = undefined;
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#relay = this.#observer.answered(status, headers, this);
  }

  data(bytes: Buffer): void {
    this.#relay?.data(bytes);
  }

  ended(): void {
    this.#close();
    try {
      this.#relay?.end();
    } catch (cause) {
      // Nobody above can tell the client any more, and an answer without an end would stay open for ever.
      this.#relay?.broke(new KeyholdError('internal', `The answer of ${this.#service} could not be passed on.`, { cause }));
    }
  }

  failed(failure: UpstreamFailure, sent: boolean): void {
    this.#close();
    const error = callError(this.#service, failure, this.#relay !== undefined);
    if (this.#relay === undefined) this.#observer.unanswered(error, sent);
    else this.#relay.broke(error);
  }

  /** The connection is somebody else's now. */
  #close(): void {
    this.#over = true;
    this.#connection = undefined;
  }
}

function callError(service: string, cause: UpstreamFailure, begun: boolean): KeyholdError {
  const { kind } = cause;
  if (kind === 'connect_timeout' || kind === 'answer_timeout') return new KeyholdError('timeout', `${service} did not answer in time. Try again.`, { cause });
  if (kind === 'bad_request') return new KeyholdError('internal', `The request to ${service} could not be made.`, { cause });
  if (begun) return new KeyholdError('upstream_failed', `${service} broke off its answer. Try again.`, { cause });
  if (kind === 'unreachable') return new KeyholdError('upstream_failed', `${service} cannot be reached. Try again later.`, { cause });
  return new KeyholdError('upstream_failed', `${service} closed the connection before it answered. Try again.`, { cause });
}
