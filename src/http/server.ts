import { type IncomingMessage, Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClientAddresses } from '../gateway/client/client-address.ts';
import { ClientCertificates } from '../gateway/client/client-certificates.ts';
import type { ClientRequest, ClientResponse } from '../gateway/client/client.ts';
import { PlainListener, type PlainListenerParts } from '../gateway/client/plain-listener.ts';
import type { RandomBytes } from '../ports/clock.ts';
import { KeyholdError } from '../ports/errors.ts';
import { answerBrokenRequests, refusalText } from './broken-request.ts';
import { ClientWall } from './client-wall.ts';
import { ConnectionCounts } from './connection-counts.ts';
import { errorAnswer } from './error-answer.ts';
import { continueWhenRead } from './expect-continue.ts';
import { headFault } from './head-fault.ts';
import { requestIdFor } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';
import { type TlsSource, TlsTermination } from './tls-termination.ts';
import { turnAway } from './turn-away.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Times in milliseconds. What keeps one slow or greedy client from holding the listener (S34). */
export interface ServerLimits {
  /** For the whole head of a request. */
  readonly headMs: number;
  /** For a whole request, its body included. An answer may take as long as it needs. */
  readonly requestMs: number;
  /** An idle connection is kept for so long: longer than usual load balancers do, so that they close first. */
  readonly idleMs: number;
  /** How often the above are looked at. */
  readonly checkMs: number;
  /** Bytes. */
  readonly headBytes: number;
  readonly connections: number;
  /** Of them, those from one address. */
  readonly connectionsFromOne: number;
}

const defaultLimits: ServerLimits = { headMs: 15_000, requestMs: 120_000, idleMs: 75_000, checkMs: 5_000, headBytes: 16 * 1024, connections: 10_000, connectionsFromOne: 5_000 };

export interface ServerParts {
  readonly gateway: { owns(target: string): boolean; readonly handle: Handler; serve(request: ClientRequest, response: ClientResponse): void };
  readonly controlPlane: { readonly handle: Handler };
  /** Left out: no proxy is trusted. */
  readonly clientAddresses?: ClientAddresses;
  /** Gets the certificates that clients show; left out: nobody asks for them. */
  readonly clientCertificates?: ClientCertificates;
  readonly random: RandomBytes;
  /** Left out: plain HTTP. */
  readonly tls?: TlsSource | undefined;
  readonly limits?: Partial<ServerLimits>;
}

/** The listener, as whoever runs it sees it. */
export interface Listener extends Server {
  /**
   * Listens no more, and serves on what is connected: a connection ends behind its next answer, or when it was idle for as long as any may be. So no
   * client sends a request into a connection that is being closed. Resolves when the last has ended. For a process that another has taken over from.
   */
  retire(): Promise<void>;
  /** After `retire`, where there is no time for that any more: idle connections are closed as by `close`. */
  endIdle(): void;
}

/**
 * The one listener (R0.1: one port for everything). What the gateway owns goes there, plain requests without node:http, all else to the control plane. An
 * `Upgrade` header is ignored, as HTTP allows; CONNECT closes the connection.
 */
export function createServer({ gateway, controlPlane, clientAddresses = new ClientAddresses([]), clientCertificates = new ClientCertificates(), random, tls, limits }: ServerParts): Listener {
  const { headMs, requestMs, idleMs, checkMs, headBytes, connections, connectionsFromOne } = { ...defaultLimits, ...limits };
  /** Whose last answer is under way. */
  const ending = new WeakSet<Socket>();
  const refuse = ({ socket }: IncomingMessage, response: ServerResponse, message: string): void => {
    ending.add(socket);
    const { status, headers, body } = errorAnswer(new KeyholdError('invalid_argument', message), requestIdFor(undefined, random));
    response.writeHead(status, { ...securityHeaders(tls !== undefined), ...headers, 'x-request-id': body.error.requestId, 'content-type': 'application/json; charset=utf-8', connection: 'close' });
    response.end(JSON.stringify(body));
  };
  const latest = new WeakMap<Socket, ServerResponse>();
  const dispatch: Handler = (request, response) => {
    // Sent before the last answer had left; it would be served, and nobody would get its answer.
    if (ending.has(request.socket) || saysLast(latest.get(request.socket))) return;
    latest.set(request.socket, response);
    if (server.isRetiring) {
      response.shouldKeepAlive = false;
      ending.add(request.socket);
    }
    const fault = headFault(request);
    if (fault !== undefined) refuse(request, response, fault);
    else if (gateway.owns(request.url ?? '/')) gateway.handle(request, response);
    else controlPlane.handle(request, response);
  };
  const server: ListeningServer = new ListeningServer(
    {
      headersTimeout: headMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: checkMs,
      maxHeaderSize: headBytes,
      insecureHTTPParser: false,
      requireHostHeader: false,
      noDelay: true,
    },
    dispatch,
    { addresses: clientAddresses, certificates: clientCertificates, owns: (target) => gateway.owns(target), serve: (request, response) => gateway.serve(request, response), limits: { headMs, requestMs, idleMs, checkMs, headBytes } },
    new ConnectionCounts(clientAddresses, connectionsFromOne),
    tls,
    random,
  );
  server.maxConnections = connections;
  // Node would drop headers beyond a count silently, a second key among them; here they are counted, and too many refused.
  server.maxHeadersCount = 0;
  server.on('checkContinue', (request, response) => {
    continueWhenRead(request, response);
    dispatch(request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    refuse(request, response, 'The header Expect may only say 100-continue. Leave it out.');
  });
  answerBrokenRequests(server, random, tls !== undefined);
  return server;
}

/** Whether an answer has told its client that there is none behind it. */
function saysLast(response: ServerResponse | undefined): boolean {
  return response?.headersSent === true && !response.shouldKeepAlive;
}

/** A node:http server whose plain requests to the gateway are read before it: all that closes its connections closes theirs. */
class ListeningServer extends Server implements Listener {
  readonly #plain: PlainListener;
  readonly #tls: TlsTermination | undefined;
  #keepsIdle = false;
  isRetiring = false;

  constructor(options: ServerOptions, handler: Handler, plain: PlainListenerParts, counts: ConnectionCounts, tls: TlsSource | undefined, random: RandomBytes) {
    super(options, handler);
    this.#plain = new PlainListener(this, plain);
    const { certificates, limits } = plain;
    const wall = tls?.clients === undefined ? undefined : new ClientWall({ ...tls.clients, certificates, checkMs: limits.checkMs });
    this.once('close', () => wall?.close());
    const secured = (socket: TLSSocket): void => {
      const refusal = wall?.refusalOf(socket);
      if (refusal === undefined) this.#plain.accept(socket);
      else turnAway(socket, refusalText(refusal, random, true));
    };
    this.#tls = tls === undefined ? undefined : new TlsTermination(tls, limits.headMs, secured);
    this.on('connection', (socket: Socket) => {
      if (!counts.admit(socket)) return;
      if (this.#tls === undefined) this.#plain.accept(socket);
      else this.#tls.begin(socket);
    });
  }

  async retire(): Promise<void> {
    this.isRetiring = true;
    this.#keepsIdle = true;
    await new Promise<void>((resolve) => {
      this.close(() => resolve());
    });
  }

  endIdle(): void {
    this.#keepsIdle = false;
    this.closeIdleConnections();
  }

  /** Also Node's first step of `close`. */
  override closeIdleConnections(): void {
    if (this.#keepsIdle) return;
    super.closeIdleConnections();
    this.#tls?.closeBeginning();
    this.#plain.closeIdle();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    this.#tls?.closeBeginning();
    this.#plain.closeAll();
  }
}
