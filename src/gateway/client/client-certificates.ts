import type { Socket } from 'node:net';
import type { ClientCertificate } from '../../core/access/client-certificate.ts';

/** The certificates that clients have shown on their connections, where the listener asks for them. */
export class ClientCertificates {
  readonly #shown = new WeakMap<Socket, ClientCertificate>();

  /** The listener has found it right. */
  note(socket: Socket, certificate: ClientCertificate): void {
    this.#shown.set(socket, certificate);
  }

  of(socket: Socket): ClientCertificate | undefined {
    return this.#shown.get(socket);
  }
}
