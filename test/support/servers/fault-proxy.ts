import { createServer, type IncomingHttpHeaders, type IncomingMessage, request as send, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the proxy does to a request instead of passing it on. */
export type Fault =
  /** The request waits so long before it goes on. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The answer comes in pieces of so many bytes, 100 ms apart. */
  | { readonly kind: 'trickle'; readonly bytes: number }
  /** The head of the answer and so many bytes of it arrive, then the connection breaks. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** What arrives is not HTTP. */
  | { readonly kind: 'garbage' }
  /** Somebody else answers; the target never sees the request, unless `after` says that it has carried it out before. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string; readonly after?: 'carried-out' }
  /** It goes on with these headers, too. */
  | { readonly kind: 'add-headers'; readonly headers: Readonly<Record<string, string>> }
  /** The target never sees the request, and the connection breaks. */
  | { readonly kind: 'drop-request' }
  /** The target carries the request out; its answer is lost with the connection. */
  | { readonly kind: 'drop-answer' }
  /** The request stays in the proxy, whatever its client does, until `release`; then the target gets it. */
  | { readonly kind: 'hold' }
  /** As `hold`, and the connection breaks: the client goes on without knowing that its request is still on the way. */
  | { readonly kind: 'hold-and-break' }
  /** Nothing happens at all. */
  | { readonly kind: 'silence' };

export interface ProxiedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP proxy that stands between Keyhold and a store and does to requests what networks and proxies do. */
export interface FaultProxy {
  readonly url: string;
  /** Where requests go. */
  target: string;
  /** How many connections there have been to it. */
  connections: number;
  /** All requests so far, oldest first. */
  readonly requests: ProxiedRequest[];
  /** The fault of every request for which `matches` says yes (all, when it is left out), until `heal`; with `times` for so many only. */
  break(fault: Fault, matches?: (request: ProxiedRequest) => boolean, times?: number): void;
  /** Decides for each request. */
  breakBy(faultOf: (request: ProxiedRequest) => Fault | undefined): void;
  heal(): void;
  /** Sends what `hold` keeps on to the target; resolves when the target has answered it all. */
  release(): Promise<void>;
  held(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const proxy = new HttpFaultProxy(target);
  await proxy.listen();
  return proxy;
}

class HttpFaultProxy implements FaultProxy {
  readonly requests: ProxiedRequest[] = [];
  target: string;
  connections = 0;
  readonly #server: Server;
  readonly #held: ProxiedRequest[] = [];
  #faultOf: (request: ProxiedRequest) => Fault | undefined = noFault;
  #url = '';

  constructor(target: string) {
    this.target = target;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    }).on('connection', () => (this.connections += 1));
  }

  get url(): string {
    return this.#url;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    this.#url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  break(fault: Fault, matches: (request: ProxiedRequest) => boolean = () => true, times = Infinity): void {
    let left = times;
    this.#faultOf = (request) => {
      if (left === 0 || !matches(request)) return undefined;
      left -= 1;
      return fault;
    };
  }

  breakBy(faultOf: (request: ProxiedRequest) => Fault | undefined): void {
    this.#faultOf = faultOf;
  }

  heal(): void {
    this.#faultOf = noFault;
  }

  held(): number {
    return this.#held.length;
  }

  async release(): Promise<void> {
    await Promise.all(this.#held.splice(0).map(async (request) => (await this.#forward(request)).resume()));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    this.requests.push(request);
    const fault = this.#faultOf(request);
    switch (fault?.kind) {
      case undefined:
        return pass(await this.#forward(request), response);
      case 'delay':
        await sleep(fault.ms);
        return pass(await this.#forward(request), response);
      case 'trickle':
        return trickle(await this.#forward(request), response, fault.bytes);
      case 'cut':
        return cut(await this.#forward(request), response, fault.bytes);
      case 'garbage':
        response.socket?.end('\u0000\u0001 this is not HTTP\r\n\r\n');
        return undefined;
      case 'add-headers':
        return pass(await this.#forward({ ...request, headers: { ...request.headers, ...fault.headers } }), response);
      case 'answer':
        if (fault.after === 'carried-out') await text(await this.#forward(request));
        response.writeHead(fault.status, fault.headers).end(fault.body);
        return undefined;
      case 'drop-request':
        response.socket?.destroy();
        return undefined;
      case 'drop-answer':
        await text(await this.#forward(request));
        response.socket?.destroy();
        return undefined;
      case 'hold':
        this.#held.push(request);
        return undefined;
      case 'hold-and-break':
        this.#held.push(request);
        response.socket?.destroy();
        return undefined;
      case 'silence':
        return undefined;
    }
  }

  #forward({ method, path, headers, body }: ProxiedRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.target);
      send({ hostname, port, method, path, agent: false, headers: { ...headers, connection: 'close' } }, resolve).once('error', reject).end(body);
    });
  }
}

function noFault(): undefined {
  return undefined;
}

async function readRequest(incoming: IncomingMessage): Promise<ProxiedRequest> {
  return { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, body: await text(incoming) };
}

async function text(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

function writeHead(answer: IncomingMessage, response: ServerResponse): void {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name !== 'connection'));
  response.writeHead(answer.statusCode ?? 502, headers);
}

function pass(answer: IncomingMessage, response: ServerResponse): void {
  writeHead(answer, response);
  answer.pipe(response);
}

async function trickle(answer: IncomingMessage, response: ServerResponse, bytes: number): Promise<void> {
  const whole = Buffer.from(await text(answer));
  writeHead(answer, response);
  for (let at = 0; at < whole.length && !response.destroyed; at += bytes) {
    response.write(whole.subarray(at, at + bytes));
    await sleep(100);
  }
  response.end();
}

async function cut(answer: IncomingMessage, response: ServerResponse, bytes: number): Promise<void> {
  const whole = Buffer.from(await text(answer));
  writeHead(answer, response);
  response.write(whole.subarray(0, bytes));
  await sleep(50);
  response.socket?.destroy();
}
