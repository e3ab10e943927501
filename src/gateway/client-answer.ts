import type { Clock } from '../ports/clock.ts';
import type { ClientResponse } from './client/client.ts';
import { type ErrorShape, errorBody, errorHeaders, type ShownError } from './error-shapes.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';

/** The answer to one client: its head once, its bytes as latin1 text, its end or its visible break. */
export class ClientAnswer {
  readonly #response: ClientResponse;
  readonly #requestId: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #closing: () => boolean;
  /** Told in every answer once a credential was found (R0.4); a flat list. */
  facts: readonly string[] = [];
  #onDrain: (() => void) | undefined;

  /** `closing`: the process is draining, connections are not kept. */
  constructor(response: ClientResponse, requestId: string, clock: Pick<Clock, 'now'>, closing: () => boolean) {
    this.#response = response;
    this.#requestId = requestId;
    this.#clock = clock;
    this.#closing = closing;
    response.onDrain(() => this.#onDrain?.());
  }

  get headSent(): boolean {
    return this.#response.headSent;
  }

  /** The client left, or the answer is over. */
  get over(): boolean {
    return this.#response.over;
  }

  head(status: number, headers: readonly string[]): void {
    this.#response.head(status, ['x-request-id', this.#requestId, ...this.facts, ...headers], this.#closing());
  }

  /** Sends the head now, if no byte of the body came with it in this tick, and none is `coming`. */
  flushHeadSoon(coming: () => boolean): void {
    queueMicrotask(() => {
      if (!this.over && !coming()) this.#response.flushHead();
    });
  }

  /** Tells false when the client does not keep up; `resume` is called once when it does again. */
  write(bytes: string | Buffer, resume: () => void): boolean {
    if (this.over) return true;
    const more = this.#response.write(bytes);
    // One that still waits goes on waiting: room for this piece does not mean that the client was told to have caught up.
    if (!more) {
      this.#onDrain = () => {
        this.#onDrain = undefined;
        resume();
      };
    }
    return more;
  }

  /** The last bytes, and the end that says that they were all. */
  end(bytes: string | Buffer): void {
    if (!this.over) this.#response.end(bytes);
  }

  error(error: ShownError, shape: ErrorShape): void {
    if (this.over) return;
    const body = Buffer.from(errorBody(error, shape, this.#requestId), 'utf8');
    const limits = error.limits === undefined ? [] : rateLimitHeaders(error.limits, shape, this.#clock);
    this.head(error.status, [...errorHeaders(error), ...limits, 'content-length', String(body.length)]);
    this.end(body.toString('latin1'));
  }

  /** Ends the connection so that no client takes what it has for a whole answer, after some last bytes (R5.2). */
  breakOff(lastWords: string): void {
    this.#response.breakOff(lastWords);
  }
}
