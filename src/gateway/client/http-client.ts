import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientCertificate } from '../../core/access/client-certificate.ts';
import { BodyPieces } from '../../http/body-pieces.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { ClientAddresses } from './client-address.ts';
import type { ClientCertificates } from './client-certificates.ts';
import { BEFORE_RESET_MS, type ClientHeaders, type ClientRequest, type ClientResponse, LAST_WORDS_MS, resetConnection, SECURITY_HEADERS } from './client.ts';
import { KnownHead } from './known-head.ts';

const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;
const MAX_DISCARDING_MS = 10_000;

/** A request that came through node:http. */
export class HttpRequest implements ClientRequest {
  readonly known = new KnownHead();
  readonly #request: IncomingMessage;
  readonly #addresses: ClientAddresses;
  readonly #certificates: ClientCertificates;

  constructor(request: IncomingMessage, addresses: ClientAddresses, certificates: ClientCertificates) {
    this.#request = request;
    this.#addresses = addresses;
    this.#certificates = certificates;
  }

  get method(): string {
    return this.#request.method ?? 'GET';
  }

  get target(): string {
    return this.#request.url ?? '/';
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  get headers(): ClientHeaders {
    return this.#request.headers;
  }

  get clientAddress(): string {
    return this.#addresses.of(this.#request.socket.remoteAddress, this.#request.rawHeaders);
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#certificates.of(this.#request.socket);
  }

  body(grown: (size: number) => void): Promise<Buffer<ArrayBuffer>> {
    const request = this.#request;
    return new Promise((resolve, reject) => {
      const pieces = new BodyPieces();
      const stop = (): void => {
        request.off('data', data).off('end', end).off('close', closed).off('error', closed);
        request.pause();
      };
      const data = (chunk: Buffer<ArrayBuffer>): void => {
        try {
          grown(pieces.size + chunk.length);
        } catch (error) {
          stop();
          reject(error instanceof Error ? error : new Error('The body was refused.', { cause: error }));
          return;
        }
        pieces.add(chunk);
      };
      const end = (): void => {
        stop();
        resolve(pieces.whole());
      };
      const closed = (): void => {
        stop();
        reject(new KeyholdError('canceled', 'The client left before its request was complete.'));
      };
      request.on('data', data).on('end', end).on('close', closed).on('error', closed);
    });
  }

  discardRest(): void {
    const request = this.#request;
    if (request.complete || request.destroyed) return;
    let size = 0;
    const late = setTimeout(() => request.socket.destroy(), MAX_DISCARDING_MS);
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_DISCARDED_BYTES) request.socket.destroy();
    });
    request.once('end', () => clearTimeout(late));
    request.once('close', () => clearTimeout(late));
    request.resume();
  }
}

/** The answer to one. */
export class HttpResponse implements ClientResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  get status(): number {
    return this.#response.statusCode;
  }

  get gone(): boolean {
    // An answer whose turn on the connection never came is not destroyed with it.
    return this.#response.destroyed || this.#request.socket.destroyed;
  }

  get over(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  head(status: number, headers: readonly string[], last: boolean): void {
    // By which the listener knows that nobody waits for an answer to what came behind it.
    if (last) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, [...SECURITY_HEADERS, ...headers, ...(last ? ['connection', 'close'] : [])]);
  }

  flushHead(): void {
    this.#response.flushHeaders();
  }

  write(bytes: string | Buffer): boolean {
    return typeof bytes === 'string' ? this.#response.write(bytes, 'latin1') : this.#response.write(bytes);
  }

  end(bytes: string | Buffer): void {
    if (typeof bytes === 'string') this.#response.end(bytes, 'latin1');
    else this.#response.end(bytes);
  }

  breakOff(lastWords: string): void {
    const { socket } = this.#response;
    if (this.#response.destroyed) return;
    if (socket === null) {
      // Its turn on the connection has not come; when it does, the connection ends.
      this.#response.destroy();
      return;
    }
    const reset = (): void => resetConnection(socket);
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

  destroy(): void {
    this.#response.destroy();
  }

  onDrain(drained: () => void): void {
    this.#response.on('drain', drained);
  }

  onClosed(closed: () => void): void {
    this.#response.once('close', closed);
    // Sent behind another request that is still being answered: until its turn comes, only the connection tells that the client left.
    if (this.#response.socket === null) this.#request.socket.once('close', closed);
  }
}
