import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { destinationOf, type Destination, type Proxy } from './proxies.ts';
import { openTunnel } from './tunnel.ts';

/** How connections to hosts are made: directly, by addresses that were looked at, or through a proxy. */
export interface Way {
  /** Finds a host's addresses; left out: as the system does. */
  readonly lookup?: LookupFunction | undefined;
  /** undefined: directly. Throws `EgressRefused` for a host that is not to be reached. */
  proxyFor(destination: Destination): Proxy | undefined;
}

/** PEM texts, and milliseconds for a connection to be made. */
export interface ConnectorOptions {
  readonly timeout: number;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** For the `connect` option of undici's pools and agents. */
export function connectorOf(way: Way, options: ConnectorOptions): buildConnector.connector {
  const direct = buildConnector({ ...options, allowH2: false, ...(way.lookup === undefined ? {} : { lookup: way.lookup }) });
  return (target, callback) => {
    const destination = destinationOf(target);
    let proxy: Proxy | undefined;
    try {
      proxy = way.proxyFor(destination);
    } catch (error) {
      callback(error instanceof Error ? error : new Error('The host is not to be reached.'), null);
      return;
    }
    if (proxy === undefined) {
      direct(target, callback);
      return;
    }
    const socket = openTunnel(proxy, destination, (error) => {
      if (error !== undefined) callback(error, null);
      else if (destination.secure) direct({ ...target, httpSocket: socket }, callback);
      else callback(null, socket);
    }, options.timeout);
  };
}
