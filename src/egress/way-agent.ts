import { Agent, type AgentOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { Way } from './connector.ts';
import { bare } from './proxies.ts';
import { openTunnel } from './tunnel.ts';

type Create = Agent['createConnection'];

/** An agent of `node:https`, for libraries that take one, whose connections go the given way. */
export class WayAgent extends Agent {
  readonly #way: Way;

  constructor(way: Way, options: AgentOptions) {
    super({ ...options, ...(way.lookup === undefined ? {} : { lookup: way.lookup }) });
    this.#way = way;
  }

  override createConnection(options: Parameters<Create>[0], callback?: (error: Error | null, stream: Duplex) => void): ReturnType<Create> {
    const host = bare(options.host ?? '');
    const destination = { secure: true, host, port: Number(options.port ?? 443) };
    const proxy = this.#way.proxyFor(destination);
    if (proxy === undefined || callback === undefined) return super.createConnection(options, callback);
    const socket = openTunnel(proxy, destination, (error) => {
      if (error === undefined) callback(null, connect({ socket, host, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : {}) }));
      else callback(error, socket);
    });
    return undefined;
  }
}
