import type { Dispatcher } from 'undici';
import { KeyholdError } from '../ports/errors.ts';
import type { Flow, Relay, UpstreamHeaders } from './relay.ts';

/** What a call tells about its answer, once its head is there or it is clear that there will be none. */
export interface CallObserver {
  /** Chooses who carries the answer. */
  answered(status: number, headers: UpstreamHeaders, flow: Flow): Relay;
  /** `sent` tells whether the request may have reached the upstream. */
  unanswered(error: KeyholdError, sent: boolean): void;
}

class Aborted extends Error {}

/** One call to an upstream: a handler object instead of streams, which is what keeps undici fast (FACTS 5). */
export class UpstreamCall implements Dispatcher.DispatchHandler, Flow {
  readonly #observer: CallObserver;
  readonly #service: string;
  #controller: Dispatcher.DispatchController | undefined;
  #relay: Relay | undefined;
  #over = false;

  constructor(observer: CallObserver, service: string) {
    this.#observer = observer;
    this.#service = service;
  }

  get relay(): Relay | undefined {
    return this.#relay;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#over) this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Aborted());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client left while the call waited for a connection.
    if (this.#over) controller.abort(new Aborted());
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: UpstreamHeaders): void {
    if (status >= 200 && !this.#over) this.#relay = this.#observer.answered(status, headers, this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#relay?.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#relay?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, cause: Error): void {
    if (this.#over) return;
    this.#over = true;
    const code = errorCode(cause);
    const error = callError(this.#service, code, this.#relay !== undefined, cause);
    if (this.#relay === undefined) this.#observer.unanswered(error, !NEVER_SENT.has(code));
    else this.#relay.broke(error);
  }
}

const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/** Failures before a connection was there: the upstream has seen nothing. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_INVALID_ARG',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function callError(service: string, code: string, begun: boolean, cause: Error): KeyholdError {
  if (TIMEOUTS.has(code)) return new KeyholdError('timeout', `${service} did not answer in time. Try again.`, { cause });
  if (code === 'UND_ERR_INVALID_ARG') return new KeyholdError('internal', `The request to ${service} could not be made.`, { cause });
  if (begun) return new KeyholdError('upstream_failed', `${service} broke off its answer. Try again.`, { cause });
  if (NEVER_SENT.has(code)) return new KeyholdError('upstream_failed', `${service} cannot be reached. Try again later.`, { cause });
  return new KeyholdError('upstream_failed', `${service} closed the connection before it answered. Try again.`, { cause });
}
