import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificates } from '../gateway/client/client-certificates.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import { clientCertificateOf, shownChain } from './shown-certificate.ts';

interface ClientTrustSource {
  readonly current: { stillTrusts(chain: readonly X509Certificate[]): boolean };
  onChange(listener: () => void): void;
}

/** What an operator has said of client certificates. */
export interface ClientRules {
  readonly trust: ClientTrustSource;
  /** Nobody gets in without a certificate. */
  readonly required: boolean;
  readonly log: Log;
}

export interface ClientWallParts extends ClientRules {
  /** Where certificates are found by who reads requests. */
  readonly certificates: ClientCertificates;
  /** How often it is looked whether certificates have ended. */
  readonly checkMs: number;
}

/** One line a minute for each reason: whoever cannot get in tries again. */
const LINE_EVERY_MS = 60_000;
const NO_CERTIFICATE = 'NO_CERTIFICATE';
const NOT_ANY_MORE = 'NOT_TRUSTED_ANY_MORE';

/** Lets in who shows a certificate that is trusted, or, where none is required, who shows none; and ends connections whose certificate has ended or is not trusted any more. */
export class ClientWall {
  readonly #parts: ClientWallParts;
  readonly #open = new Map<TLSSocket, { readonly chain: readonly X509Certificate[]; readonly validUntil: number }>();
  readonly #timer: NodeJS.Timeout;
  readonly #toldAt = new Map<string, number>();

  constructor(parts: ClientWallParts) {
    this.#parts = parts;
    parts.trust.onChange(() => this.#lookOver((chain) => parts.trust.current.stillTrusts(chain)));
    this.#timer = setInterval(() => this.#lookOver(() => true), parts.checkMs).unref();
  }

  /** Why a connection may not go on; undefined: it may. */
  refusalOf(socket: TLSSocket): KeyholdError | undefined {
    const chain = shownChain(socket);
    const [leaf] = chain;
    if (leaf === undefined) return this.#parts.required ? this.#refusal(socket, NO_CERTIFICATE) : undefined;
    if (!socket.authorized) return this.#refusal(socket, String(socket.authorizationError));
    // Others may be trusted by now than when the handshake began.
    if (!this.#parts.trust.current.stillTrusts(chain)) return this.#refusal(socket, NOT_ANY_MORE);
    this.#parts.certificates.note(socket, clientCertificateOf(leaf));
    this.#open.set(socket, { chain, validUntil: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))) });
    socket.once('close', () => this.#open.delete(socket));
    return undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #lookOver(isTrusted: (chain: readonly X509Certificate[]) => boolean): void {
    const now = Date.now();
    for (const [socket, { chain, validUntil }] of this.#open) {
      if (now < validUntil && isTrusted(chain)) continue;
      this.#tell(socket, NOT_ANY_MORE);
      socket.destroy();
    }
  }

  #refusal(socket: TLSSocket, reason: string): KeyholdError {
    this.#tell(socket, reason);
    if (reason === NO_CERTIFICATE) return new KeyholdError('unauthenticated', 'Connections need a client certificate here. Connect with one that the operator of this Keyhold trusts.');
    return new KeyholdError('unauthenticated', `The client certificate is not accepted (${reason}). Connect with one that is valid and that the operator of this Keyhold trusts.`);
  }

  #tell({ remoteAddress }: TLSSocket, reason: string): void {
    const now = performance.now();
    if (now - (this.#toldAt.get(reason) ?? -Infinity) < LINE_EVERY_MS) return;
    // Reasons are OpenSSL's, some eighty.
    this.#toldAt.set(reason, now);
    this.#parts.log.warn('client_certificate_refused', 'A connection was ended for its client certificate; more for the same reason within the minute are not told', { code: reason, address: remoteAddress });
  }
}
