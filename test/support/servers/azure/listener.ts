import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { once } from 'node:events';

export type AnswerHeaders = Readonly<Record<string, string>>;

/** What a server answers. A text stands for a body that is not Azure's, as of a proxy on the way; without a body the answer has none. */
export interface Answer {
  readonly status: number;
  readonly headers?: AnswerHeaders;
  readonly body?: object | string;
}

/** One address of the test server: a vault, the authority, or the machine's own endpoint for managed identities. */
export interface Listener {
  /** Without a slash at the end; stays the same over `kill` and `restart`. */
  readonly url: string;
  /** Requests are accepted and then nothing happens to them, as if the process were stopped. */
  pause(): void;
  /** What waited is served now, unless its client has left. */
  resume(): void;
  /** Every connection breaks, new ones are refused. What was stored stays stored. */
  kill(): Promise<void>;
  /** Listens again on the same port. */
  restart(): Promise<void>;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export class PortListener implements Listener {
  readonly #serve: Serve;
  readonly #tls: { readonly cert: string; readonly key: string } | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #waiting: (() => void)[] | undefined;

  constructor(serve: Serve, tls?: { readonly cert: string; readonly key: string }) {
    this.#serve = serve;
    this.#tls = tls;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  async restart(): Promise<void> {
    if (this.#server !== undefined) return;
    const listener: RequestListener = (request, response) => {
      const begin = (): void => void this.#serve(request, response).catch(() => response.destroy());
      if (this.#waiting === undefined) begin();
      else this.#waiting.push(() => !request.destroyed && begin());
    };
    const server = this.#tls === undefined ? createPlainServer(listener) : createTlsServer(this.#tls, listener);
    server.keepAliveTimeout = 0; // else an idle client's next request may meet a closing connection
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.#server = server;
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const begin of waiting) begin();
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#waiting = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  if (response.destroyed) return;
  if (body === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/html' : 'application/json; charset=utf-8';
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}
