import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientAddresses } from './client-address.ts';
import type { ClientCertificates } from './client-certificates.ts';
import type { ClientRequest, ClientResponse } from './client.ts';
import { PlainConnection, type PlainConnectionParts, type PlainLimits } from './plain-connection.ts';
import { PlainHeads } from './plain-head.ts';

export interface PlainListenerParts {
  readonly addresses: ClientAddresses;
  readonly certificates: ClientCertificates;
  readonly owns: (target: string) => boolean;
  readonly serve: (request: ClientRequest, response: ClientResponse) => void;
  /** `checkMs`: how often connections are looked over. */
  readonly limits: PlainLimits & { readonly checkMs: number };
}

/**
 * Reads the connections of a node:http server before node:http does: a plain request to the gateway is served from here, which takes about half
 * the processor time (docs/performance.md). At the first request that is anything else, the connection goes to node:http with every byte that came,
 * and stays there. So this parser may refuse whatever it likes, and never has to understand it.
 */
export class PlainListener {
  readonly #toHttp: (socket: Socket) => void;
  readonly #parts: PlainConnectionParts;
  readonly #connections: PlainConnection[] = [];
  #date = '';
  #dateUntil = 0;

  /** Takes the server's connections over; `accept` gives them. */
  constructor(server: Server, { addresses, certificates, owns, serve, limits }: PlainListenerParts) {
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    this.#toHttp = (socket) => {
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
    };
    this.#parts = {
      limits,
      heads: new PlainHeads(),
      addresses,
      certificates,
      now: () => performance.now(),
      date: () => this.#dateText(),
      // As node:http has it.
      kept: `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(limits.idleMs / 1_000)}\r\n`,
      owns,
      serve,
      handOver: (connection, bytes) => this.#handOver(connection, bytes),
      closed: (connection) => this.#forget(connection),
    };
    const timer = setInterval(() => this.#lookOver(), limits.checkMs).unref();
    server.once('close', () => clearInterval(timer));
  }

  accept(socket: Socket): void {
    const connection = new PlainConnection(socket, this.#parts);
    connection.place = this.#connections.push(connection) - 1;
  }

  closeIdle(): void {
    for (const connection of this.#all()) if (connection.isIdle) connection.socket.destroy();
  }

  closeAll(): void {
    for (const { socket } of this.#all()) socket.destroy();
  }

  #handOver(connection: PlainConnection, bytes: Buffer | undefined): void {
    connection.release();
    this.#forget(connection);
    const { socket } = connection;
    if (bytes !== undefined) socket.unshift(bytes);
    this.#toHttp(socket);
  }

  /** A list, not a Set: connections come and go all the time (`VisitList`). */
  #forget(connection: PlainConnection): void {
    if (this.#connections[connection.place] !== connection) return;
    const last = this.#connections.pop();
    if (last !== undefined && last !== connection) {
      this.#connections[connection.place] = last;
      last.place = connection.place;
    }
    connection.place = -1;
  }

  #lookOver(): void {
    const now = this.#parts.now();
    for (const connection of this.#all()) connection.check(now);
  }

  #all(): readonly PlainConnection[] {
    return [...this.#connections];
  }

  /** RFC 9110, section 6.6.1; made once a second. */
  #dateText(): string {
    const now = Date.now();
    if (now >= this.#dateUntil || now < this.#dateUntil - 1_000) {
      this.#date = new Date(now).toUTCString();
      this.#dateUntil = now - (now % 1_000) + 1_000;
    }
    return this.#date;
  }
}
