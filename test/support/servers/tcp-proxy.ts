import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to a connection when its client sends what a fault is for. */
export type TcpFault =
  /** The server never sees it, and the connection breaks. */
  | 'drop-request'
  /** The server gets it, and the connection breaks before its answer is back. */
  | 'drop-answer';

/** Stands between a client and a server of any protocol, and does to connections what networks do. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections there have been to it. */
  connections: number;
  /** The fault for the next so many pieces of a client's bytes in which this text is. */
  break(fault: TcpFault, text: string, times?: number): void;
  /** How often that has happened since `break`. */
  readonly broken: number;
  /** Nothing passes any more, in either direction; new connections are taken and stay silent. */
  silence(): void;
  heal(): void;
  /** Breaks every connection that is open. */
  cut(): void;
  close(): Promise<void>;
}

/** In front of a port of 127.0.0.1, at another address of this machine if one is given. */
export async function startTcpProxy(target: number, host = '127.0.0.1'): Promise<TcpProxy> {
  const proxy = new FaultyTcpProxy(target);
  await proxy.listen(host);
  return proxy;
}

class FaultyTcpProxy implements TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  connections = 0;
  broken = 0;
  #fault: { readonly kind: TcpFault; readonly text: string; readonly times: number } | undefined;
  #silent = false;
  #port = 0;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#serve(client));
  }

  get port(): number {
    return this.#port;
  }

  async listen(host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, host, resolve);
    });
    const address = this.#server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  break(kind: TcpFault, text: string, times = 1): void {
    this.broken = 0;
    this.#fault = { kind, text, times };
  }

  silence(): void {
    this.#silent = true;
  }

  heal(): void {
    this.#silent = false;
    this.#fault = undefined;
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    this.connections += 1;
    const server = connect(this.#target, '127.0.0.1');
    let answersAreLost = false;
    for (const [one, other] of [[client, server], [server, client]] as const) {
      this.#open.add(one);
      one.on('error', () => undefined).on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      if (this.#silent) return;
      const fault = this.#fault;
      if (fault !== undefined && this.broken < fault.times && bytes.includes(fault.text)) {
        this.broken += 1;
        if (fault.kind === 'drop-request') {
          client.destroy();
          return;
        }
        answersAreLost = true;
      }
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (answersAreLost) client.destroy();
      else if (!this.#silent) client.write(bytes);
    });
  }
}
