import { connect as connectPlain, isIP, type OnReadOpts, Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Way } from '../../egress/connector.ts';
import { destinationOf, type Proxy } from '../../egress/proxies.ts';
import { openTunnel } from '../../egress/tunnel.ts';
import { AnswerHeads } from './answer-head.ts';
import { type CallEvents, type OutgoingRequest, UpstreamConnection, type UpstreamConnectionParts, type UpstreamTimes } from './upstream-connection.ts';

/** How often it is looked whether something takes too long. */
const CHECK_MS = 1_000;
/** What the system can hand over at once; more comes with the next turn. */
const READ_BYTES = 64 * 1024;
/** The system probes a silent connection after so long. */
const PROBE_MS = 60_000;

export interface UpstreamPoolOptions {
  /** Finds the host's addresses, or a proxy, and may refuse it; left out: directly, as the system finds it. */
  readonly way?: Way | undefined;
  /** Read into; may be shared by pools, since what was read is used up before the next read. */
  readonly buffer?: Buffer;
  /** Connections that wait for a call. */
  readonly mostIdle?: number;
}

/** What a connection hears of its socket. */
interface Heard {
  readonly connected: () => void;
  readonly data: (bytes: Buffer) => void;
  readonly over: (socket: Socket) => void;
}

/** The connections to one origin: one call each, kept for the next, the one used last first. */
export class UpstreamPool {
  readonly #parts: UpstreamConnectionParts;
  /** All there are, and those that wait for a call, dead ones among them. Lists, not Sets: connections pass through all the time (`VisitList`). */
  readonly #all: UpstreamConnection[] = [];
  #idle: UpstreamConnection[] = [];
  /** Those whose answer came in this turn. */
  readonly #resting: UpstreamConnection[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #buffer: Buffer;
  readonly #mostIdle: number;
  #session: Buffer | undefined;

  constructor(origin: string, times: UpstreamTimes, { way, buffer = Buffer.allocUnsafeSlow(READ_BYTES), mostIdle = Number.POSITIVE_INFINITY }: UpstreamPoolOptions = {}) {
    const url = new URL(origin);
    this.#buffer = buffer;
    this.#mostIdle = mostIdle;
    const now = (): number => performance.now();
    this.#parts = {
      host: url.host,
      heads: new AnswerHeads(),
      times,
      now,
      connect: (connected, data, over) => this.#connect(url, way, { connected, data, over }),
      idle: (connection) => this.#keep(connection),
      closed: (connection) => this.#forget(connection),
    };
    this.#timer = setInterval(() => this.#lookOver(), CHECK_MS).unref();
  }

  /** Sends a request over an idle connection or a new one, and gives it: it belongs to this call until the call hears its end. */
  send(request: OutgoingRequest, events: CallEvents): UpstreamConnection {
    const connection = this.#take() ?? this.#open();
    connection.send(request, events);
    return connection;
  }

  /** Whether it has any connection, idle ones included. */
  get isOpen(): boolean {
    return this.#all.length > 0;
  }

  /** Closes every connection, busy ones too; what is under way hears nothing more. */
  destroy(): void {
    clearInterval(this.#timer);
    for (const connection of this.#all) connection.abort();
  }

  #take(): UpstreamConnection | undefined {
    const now = this.#parts.now();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.isFresh(now)) return connection;
      connection.abort();
    }
  }

  /** Not before the system has told what else has happened to them: a connection that the upstream closes behind its answer serves nobody. */
  #keep(connection: UpstreamConnection): void {
    if (this.#resting.push(connection) > 1) return;
    setImmediate(() => {
      this.#idle.push(...this.#resting.splice(0));
      while (this.#idle.length > this.#mostIdle) this.#idle.shift()?.abort();
    });
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.#parts);
    connection.place = this.#all.push(connection) - 1;
    return connection;
  }

  #forget(connection: UpstreamConnection): void {
    const last = this.#all.pop();
    if (last === undefined || last === connection) return;
    this.#all[connection.place] = last;
    last.place = connection.place;
  }

  #lookOver(): void {
    const now = this.#parts.now();
    for (const connection of this.#all) connection.check(now);
    const idle = this.#idle;
    this.#idle = idle.filter((connection) => connection.isFresh(now));
    for (const connection of idle) if (!connection.isFresh(now)) connection.abort();
  }

  /**
   * All connections are read into one buffer, and what was read is used up before the next read: a buffer for each piece is what cost most
   * garbage (docs/performance.md).
   */
  #reader(data: (bytes: Buffer) => void): OnReadOpts {
    return {
      buffer: this.#buffer,
      callback: (count) => {
        data(this.#buffer.subarray(0, count));
        return true;
      },
    };
  }

  #connect(url: URL, way: Way | undefined, heard: Heard): Socket {
    const { connected, data } = heard;
    let proxy: Proxy | undefined;
    try {
      proxy = way?.proxyFor(destinationOf(url));
    } catch (error) {
      return new Socket().destroy(error instanceof Error ? error : new Error('The host is not to be reached.'));
    }
    if (proxy !== undefined) return this.#connectThrough(proxy, url, heard);
    const target = { ...(way?.lookup === undefined ? {} : { lookup: way.lookup }), host: bareHost(url), port: destinationOf(url).port, onread: this.#reader(data) };
    if (url.protocol === 'http:') return connectPlain({ ...target, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_MS }).once('connect', connected);
    const socket = this.#secured(url, target);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, PROBE_MS);
    return socket.once('secureConnect', connected);
  }

  /** The connection's first socket is the one to the proxy; TLS over it takes its place as soon as it begins, so that what is wrong with it is heard. */
  #connectThrough(proxy: Proxy, url: URL, { connected, data, over }: Heard): Socket {
    const tunnel = openTunnel(proxy, destinationOf(url), (error) => {
      // The connection hears of it by itself.
      if (error !== undefined) return;
      tunnel.setKeepAlive(true, PROBE_MS);
      // Node has no `onread` for TLS over a socket that is there already.
      if (url.protocol === 'http:') {
        tunnel.on('data', data);
        connected();
        tunnel.resume();
      } else over(this.#secured(url, { socket: tunnel }).on('data', data).once('secureConnect', connected));
    });
    return tunnel;
  }

  #secured(url: URL, target: ConnectionOptions): TLSSocket {
    const host = bareHost(url);
    const socket = connectTls({
      ...target,
      host,
      ALPNProtocols: ['http/1.1'],
      // RFC 6066, section 3: no addresses there.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    return socket.on('session', (session) => {
      this.#session = session;
    });
  }
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
