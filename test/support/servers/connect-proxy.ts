import { once } from 'node:events';
import { createServer as createPlain, type Server, type IncomingMessage } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A proxy that connects whoever asks it to, whatever name they ask for, to a port of this machine. */
export interface ConnectProxy {
  readonly port: number;
  /** Where it connects to. */
  target: number;
  /** What it does instead, when it is set. */
  instead: ((request: IncomingMessage, client: Duplex) => void) | undefined;
  /** Basic credentials that it wants; undefined: none. */
  wants: string | undefined;
  /** The hosts with their ports that it was asked for. */
  readonly asked: string[];
  /** Everything that came behind that. */
  readonly carried: () => string;
  close(): Promise<void>;
}

export async function startConnectProxy(secure?: { readonly cert: string; readonly key: string }): Promise<ConnectProxy> {
  const server: Server = secure === undefined ? createPlain() : createSecure(secure);
  const sockets = new Set<Duplex>();
  let carried = '';
  const proxy = { target: 0, instead: undefined as ConnectProxy['instead'], wants: undefined as string | undefined, asked: [] as string[] };
  server.on('connect', (request, client: Duplex, head) => {
    sockets.add(client);
    client.on('error', () => undefined);
    proxy.asked.push(request.url ?? '');
    if (proxy.wants !== undefined && request.headers['proxy-authorization'] !== `Basic ${Buffer.from(proxy.wants).toString('base64')}`) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\n\r\nWho are you?');
      return;
    }
    if (proxy.instead !== undefined) {
      proxy.instead(request, client);
      return;
    }
    const upstream: Socket = connect(proxy.target, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n');
      upstream.write(head);
      client.on('data', (bytes: Buffer) => (carried += bytes.toString('latin1')));
      client.pipe(upstream).pipe(client);
    });
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    carried: () => carried,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}
