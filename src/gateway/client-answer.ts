import type { ServerResponse } from 'node:http';
import { type ErrorShape, errorBody, errorHeaders, type ShownError } from './error-shapes.ts';

/** On every gateway answer (S9). */
const SECURITY_HEADERS = [
  'content-security-policy',
  "sandbox; default-src 'none'",
  'x-content-type-options',
  'nosniff',
  'cross-origin-resource-policy',
  'same-origin',
] as const;

/** An error event is given so long to reach a client that reads slowly, before the connection is reset all the same. */
const LAST_WORDS_MS = 5_000;
/** A reset right behind the last bytes can overtake them in the client's system. */
const BEFORE_RESET_MS = 20;

/** The answer to one client: its head once, its bytes as latin1 text, its end or its visible break. */
export class ClientAnswer {
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #closing: () => boolean;
  /** Told in every answer once a credential was found (R0.4); a flat list. */
  facts: readonly string[] = [];
  #onDrain: (() => void) | undefined;

  /** `closing`: the process is draining, connections are not kept. */
  constructor(response: ServerResponse, requestId: string, closing: () => boolean) {
    this.#response = response;
    this.#requestId = requestId;
    this.#closing = closing;
    response.on('drain', () => this.#onDrain?.());
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  /** The client left, or the answer is over. */
  get over(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  head(status: number, headers: readonly string[]): void {
    const all = ['x-request-id', this.#requestId, ...SECURITY_HEADERS, ...this.facts, ...headers];
    if (this.#closing()) all.push('connection', 'close');
    this.#response.writeHead(status, all);
  }

  /** Sends the head now, if no byte of the body came with it in this tick. */
  flushHeadSoon(): void {
    queueMicrotask(() => {
      if (!this.over) this.#response.flushHeaders();
    });
  }

  /** Tells false when the client does not keep up; `resume` is called once when it does again. */
  write(bytes: string | Buffer, resume: () => void): boolean {
    if (this.over) return true;
    const more = typeof bytes === 'string' ? this.#response.write(bytes, 'latin1') : this.#response.write(bytes);
    this.#onDrain = more
      ? undefined
      : () => {
          this.#onDrain = undefined;
          resume();
        };
    return more;
  }

  /** The last bytes, and the end that says that they were all. */
  end(bytes: string | Buffer): void {
    if (this.over) return;
    if (typeof bytes === 'string') this.#response.end(bytes, 'latin1');
    else this.#response.end(bytes);
  }

  error(error: ShownError, shape: ErrorShape): void {
    if (this.over) return;
    const body = Buffer.from(errorBody(error, shape, this.#requestId), 'utf8');
    this.head(error.status, [...errorHeaders(error), 'content-length', String(body.length)]);
    this.end(body.toString('latin1'));
  }

  /** Ends the connection so that no client takes what it has for a whole answer, after some last bytes (R5.2). */
  breakOff(lastWords: string): void {
    const { socket } = this.#response;
    if (this.#response.destroyed) return;
    if (socket === null) {
      // Its turn on the connection has not come; when it does, the connection ends.
      this.#response.destroy();
      return;
    }
    const reset = (): void => {
      if (!socket.destroyed) socket.resetAndDestroy();
    };
    if (lastWords === '') {
      reset();
      return;
    }
    const late = setTimeout(reset, LAST_WORDS_MS);
    this.#response.write(Buffer.from(lastWords, 'utf8'), () => {
      clearTimeout(late);
      setTimeout(reset, BEFORE_RESET_MS);
    });
  }
}
