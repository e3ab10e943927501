import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../core/access/client-certificate.ts';
import type { Soon } from '../../ports/soon.ts';
import type { KnownHead } from './known-head.ts';

/** The headers that Keyhold itself reads, by their names in lower case. */
export interface ClientHeaders {
  readonly 'content-encoding'?: string | undefined;
  readonly 'content-length'?: string | undefined;
  readonly 'content-type'?: string | undefined;
  readonly 'sec-fetch-mode'?: string | string[] | undefined;
  readonly 'x-keyhold-api-key'?: string | string[] | undefined;
  readonly 'x-keyhold-provider'?: string | string[] | undefined;
  readonly 'x-request-id'?: string | string[] | undefined;
}

/** A request to the gateway from its head on, whichever way it came. */
export interface ClientRequest {
  readonly method: string;
  /** As it came. */
  readonly target: string;
  /** All headers as they came: name, value, name, value … */
  readonly rawHeaders: readonly string[];
  readonly headers: ClientHeaders;
  /** What was found out about its head, here and before. */
  readonly known: KnownHead;
  /** Whom it comes from, through proxies that the operator trusts (`ClientAddresses`); found out when it is asked for. */
  readonly clientAddress: string;
  /** What the connection's other end has proven to have, where the listener asks for certificates; found out when it is asked for. */
  readonly clientCertificate: ClientCertificate | undefined;
  /**
   * Reads the body; `grown` is told how many bytes there are so far, before they are kept, and may throw to refuse them. Rejects with
   * that, with `canceled` when the client leaves, and with `invalid_argument` when the body does not arrive in time.
   */
  body(grown: (size: number) => void): Soon<Buffer<ArrayBuffer>>;
  /**
   * Reads what is left of a refused request's body and keeps none of it: a connection that is closed with unread bytes is reset, and
   * the client would lose the answer that says what was wrong. Bounded, then the connection ends.
   */
  discardRest(): void;
}

/** On every gateway answer (S9). */
export const SECURITY_HEADERS = [
  'content-security-policy',
  "sandbox; default-src 'none'",
  'x-content-type-options',
  'nosniff',
  'cross-origin-resource-policy',
  'same-origin',
] as const;

/** The way back to the client: one head, some bytes, and an end or a visible break. Texts are latin1, one character a byte. */
export interface ClientResponse {
  readonly headSent: boolean;
  /** Of the head. */
  readonly status: number;
  /** The client left, or the connection broke. */
  readonly gone: boolean;
  /** Gone, or ended by us. */
  readonly over: boolean;
  /** To the headers come those of `SECURITY_HEADERS`. `last`: the connection is not kept afterwards. The head leaves with the first bytes, or with `flushHead`. */
  head(status: number, headers: readonly string[], last: boolean): void;
  flushHead(): void;
  /** Tells false when the client does not keep up; `onDrain` is called when it does again. */
  write(bytes: string | Buffer): boolean;
  end(bytes: string | Buffer): void;
  /** Ends the connection so that no client takes what it has for a whole answer, after some last words (UTF-16 text, sent as UTF-8). */
  breakOff(lastWords: string): void;
  destroy(): void;
  onDrain(drained: () => void): void;
  /** Called once, when the answer has left or the client has. */
  onClosed(closed: () => void): void;
}

/** An error event is given so long to reach a client that reads slowly, before the connection is reset all the same. */
export const LAST_WORDS_MS = 5_000;
/** A reset right behind the last bytes can overtake them in the client's system. */
export const BEFORE_RESET_MS = 20;

/** Ends a connection so that nobody takes it for ended: by a reset, or, where TLS is on it, without the goodbye that TLS has for a proper end. */
export function resetConnection(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
