import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

/** Certificate and key as PEM texts, and word of when others take their place. */
export interface TlsSource {
  readonly material: { readonly cert: string; readonly key: string };
  onChange(listener: (material: TlsSource['material']) => void): void;
}

/**
 * TLS 1.2 and 1.3 on connections that somebody else accepts: so one listener, shared by all workers, counts and closes them, and what reads requests sees
 * their plain text. Open connections keep the certificate that they began with.
 */
export class TlsTermination {
  readonly #server: Server;
  /** Connections whose handshake is under way, by both ends. */
  readonly #beginning = new Map<string, Socket>();

  /** A handshake may take `handshakeMs`. `secured` gets each connection behind it. */
  constructor(source: TlsSource, handshakeMs: number, secured: (socket: TLSSocket) => void) {
    const rules = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], handshakeTimeout: handshakeMs } as const;
    this.#server = createServer({ ...source.material, ...rules });
    source.onChange((material) => this.#server.setSecureContext({ ...material, minVersion: rules.minVersion }));
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
