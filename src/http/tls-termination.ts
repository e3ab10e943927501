import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { ClientRules } from './client-wall.ts';

/** PEM texts; and word of when others take their place. */
interface Changing<T> {
  readonly current: T;
  onChange(listener: (value: T) => void): void;
}

export interface TlsSource {
  /** What clients are shown. */
  readonly certificate: Changing<{ readonly cert: string; readonly key: string }>;
  /** Whose certificates are asked for; left out: no client is asked for one. */
  readonly clients?: (ClientRules & { readonly trust: Changing<{ readonly ca: readonly string[]; readonly crl: readonly string[] }> }) | undefined;
}

/**
 * TLS 1.2 and 1.3 on connections that somebody else accepts: so one listener, shared by all workers, counts and closes them, and what reads requests sees
 * their plain text. Open connections keep the certificate that they began with. A client that is asked for a certificate has it looked at in each handshake:
 * there are no sessions to resume then, which would bring back what was found before. What was found stands on the connection, for `secured` to judge.
 */
export class TlsTermination {
  readonly #server: Server;
  /** Connections whose handshake is under way, by both ends. */
  readonly #beginning = new Map<string, Socket>();

  /** A handshake may take `handshakeMs`. `secured` gets each connection behind it. */
  constructor({ certificate, clients }: TlsSource, handshakeMs: number, secured: (socket: TLSSocket) => void) {
    const trust = clients?.trust;
    const material = () => ({
      ...certificate.current,
      minVersion: 'TLSv1.2' as const,
      ...(trust === undefined ? {} : { ca: [...trust.current.ca], crl: [...trust.current.crl], secureOptions: constants.SSL_OP_NO_TICKET }),
    });
    this.#server = createServer({ ...material(), ALPNProtocols: ['http/1.1'], handshakeTimeout: handshakeMs, requestCert: trust !== undefined, rejectUnauthorized: false });
    const renew = (): void => this.#server.setSecureContext(material());
    certificate.onChange(renew);
    trust?.onChange(renew);
    this.#server.on('secureConnection', (socket) => {
      this.#beginning.delete(nameOf(socket));
      secured(socket);
    });
    // Strangers' mistakes, and there are many; the connection is closed by then or is now.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  begin(socket: Socket): void {
    const name = nameOf(socket);
    this.#beginning.set(name, socket);
    // A close follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.#beginning.get(name) === socket) this.#beginning.delete(name);
    });
    this.#server.emit('connection', socket);
  }

  /** Ends what has not got as far as a request. */
  closeBeginning(): void {
    for (const socket of this.#beginning.values()) socket.destroy();
  }
}

function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''} ${localAddress ?? ''}`;
}
