import type { ClientCertificate } from '../../core/access/client-certificate.ts';
import { BodyPieces } from '../../http/body-pieces.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Soon } from '../../ports/soon.ts';
import type { ClientHeaders, ClientRequest } from './client.ts';
import type { KnownHead } from './known-head.ts';
import type { PlainHead } from './plain-head.ts';

/** Who reads the connection. */
interface Source {
  clientAddress(rawHeaders: readonly string[]): string;
  readonly clientCertificate: ClientCertificate | undefined;
  /** Lets the body come, or go on coming. */
  resume(): void;
}

/** A request read by ourselves. Its body is of a known length. */
export class PlainRequest implements ClientRequest {
  readonly known: KnownHead;
  readonly #head: PlainHead;
  readonly #source: Source;
  readonly #pieces = new BodyPieces();
  #missing: number;
  #waiting: { readonly grown: (size: number) => void; readonly resolve: (bytes: Buffer<ArrayBuffer>) => void; readonly reject: (error: unknown) => void } | undefined;
  #state: 'kept' | 'dropped' | 'lost' = 'kept';

  constructor(head: PlainHead, known: KnownHead, source: Source) {
    this.#head = head;
    this.known = known;
    this.#source = source;
    this.#missing = head.length;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get rawHeaders(): readonly string[] {
    return this.#head.rawHeaders;
  }

  get headers(): ClientHeaders {
    return this.#head.headers;
  }

  get clientAddress(): string {
    return this.#source.clientAddress(this.#head.rawHeaders);
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#source.clientCertificate;
  }

  /** Bytes that have not come yet. */
  get missing(): number {
    return this.#missing;
  }

  body(grown: (size: number) => void): Soon<Buffer<ArrayBuffer>> {
    try {
      grown(this.#head.length);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#state === 'lost') return Promise.reject(left());
    if (this.#missing === 0) return this.#pieces.whole();
    const { promise, resolve, reject } = Promise.withResolvers<Buffer<ArrayBuffer>>();
    this.#waiting = { grown, resolve, reject };
    this.#source.resume();
    return promise;
  }

  discardRest(): void {
    if (this.#missing === 0) return;
    this.#state = 'dropped';
    this.#source.resume();
  }

  /** For the connection: what came. Gives what of it belongs to the next request. */
  take(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> | undefined {
    const own = bytes.length <= this.#missing ? bytes : bytes.subarray(0, this.#missing);
    this.#missing -= own.length;
    if (this.#state === 'kept' && own.length > 0) this.#pieces.add(own);
    if (this.#missing === 0) {
      this.#waiting?.resolve(this.#pieces.whole());
      this.#waiting = undefined;
    }
    return own.length === bytes.length ? undefined : bytes.subarray(own.length);
  }

  /** For the connection: nothing more comes. */
  lost(): void {
    this.#state = 'lost';
    this.#fail(left());
  }

  /** For the connection: it took too long. Tells whether somebody waited for it, and will answer. */
  late(): boolean {
    const isAwaited = this.#waiting !== undefined;
    this.#fail(new KeyholdError('invalid_argument', 'The request did not arrive in time. Send it again over a connection that is fast enough.'));
    return isAwaited;
  }

  #fail(error: KeyholdError): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

function left(): KeyholdError {
  return new KeyholdError('canceled', 'The client left before its request was complete.');
}
