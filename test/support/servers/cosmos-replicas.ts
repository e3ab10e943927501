import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startCosmosServer } from './cosmos.ts';

/** A Cosmos DB of two replicas, with Session consistency. */
export interface CosmosReplicas {
  readonly endpoint: string;
  /** From now on the replica that answers reads hears nothing of writes, but for what a session already knows of. */
  lag(): void;
  /** It catches up, and hears of all again. */
  follow(): Promise<void>;
  close(): Promise<void>;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const ITEMS = /^\/(?<container>dbs\/[^/]+\/colls\/[^/]+)\/docs(?:\/|$)/u;
const TOKEN = /^0:-1#(?<lsn>\d+)$/u;
/** What 8 bytes look like; the SDK keeps sessions by it. */
const CONTAINER_ID = 'gAABAIAAAAE=';
/** Under which a copy keeps the etag of the original, since the servers give out their own. */
const ORIGINAL_ETAG = 'originalEtag';

/**
 * Writes go to one server, reads to another that gets them in the same order, and may be behind. A read whose session knows of a later write waits for nothing: the
 * replica is made to catch up to just there, which is the oldest that Session consistency allows. Refused writes tell how far the first server is, as the real one does.
 */
export async function startCosmosReplicas(): Promise<CosmosReplicas> {
  const replicas = new Replicas(await startCosmosServer(), await startCosmosServer());
  await replicas.listen();
  return replicas;
}

class Replicas implements CosmosReplicas {
  readonly #primary: Awaited<ReturnType<typeof startCosmosServer>>;
  readonly #secondary: Awaited<ReturnType<typeof startCosmosServer>>;
  readonly #server: Server;
  /** Writes that the second one has to be told of, in order. */
  readonly #writes: Asked[] = [];
  #told = 0;
  #lags = false;
  /** One request after the other, so that there is one order. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(primary: Awaited<ReturnType<typeof startCosmosServer>>, secondary: Awaited<ReturnType<typeof startCosmosServer>>) {
    this.#primary = primary;
    this.#secondary = secondary;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  lag(): void {
    this.#lags = true;
  }

  async follow(): Promise<void> {
    this.#lags = false;
    await this.#inOrder(() => this.#tellUpTo(this.#writes.length));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#primary.close();
    await this.#secondary.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
    const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
    const { status, headers, body } = await this.#inOrder(() => this.#answer(asked));
    response.writeHead(status, Object.fromEntries(headers)).end(body === undefined ? '' : JSON.stringify(body));
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #answer(asked: Asked): Promise<Answer> {
    const container = ITEMS.exec(asked.path)?.groups?.['container'];
    if (container === undefined) return this.#onBoth(asked);
    const isQuery = asked.headers['x-ms-documentdb-isquery'] !== undefined || asked.headers['x-ms-cosmos-is-query-plan-request'] !== undefined;
    return asked.method === 'GET' || isQuery ? this.#read(asked, container) : this.#write(asked, container);
  }

  /** The database, its containers. */
  async #onBoth(asked: Asked): Promise<Answer> {
    const answer = await send(this.#primary.endpoint, asked);
    if (asked.method !== 'GET') await send(this.#secondary.endpoint, asked);
    return answer;
  }

  async #write(asked: Asked, container: string): Promise<Answer> {
    const answer = await send(this.#primary.endpoint, asked);
    if (answer.status < 300) {
      this.#writes.push({ ...asked, body: asked.method === 'DELETE' ? '' : JSON.stringify(copyOf(answer.body)) });
      if (!this.#lags) await this.#tellUpTo(this.#writes.length);
    }
    return inSession(answer, container, this.#writes.length);
  }

  async #read(asked: Asked, container: string): Promise<Answer> {
    const token = asked.headers['x-ms-session-token'];
    const known = TOKEN.exec(typeof token === 'string' ? token : '')?.groups?.['lsn'];
    await this.#tellUpTo(Number(known ?? 0));
    const answer = await send(this.#secondary.endpoint, asked);
    return inSession({ ...answer, body: withOriginalEtags(answer.body) }, container, this.#told);
  }

  async #tellUpTo(lsn: number): Promise<void> {
    for (; this.#told < lsn; this.#told += 1) {
      const write = this.#writes[this.#told];
      if (write === undefined) throw new Error('a session knows of what was never written');
      const { 'if-match': _, ...headers } = write.headers;
      const { status } = await send(this.#secondary.endpoint, { ...write, headers });
      if (status >= 300) throw new Error(`the second replica answered ${status}`);
    }
  }
}

async function send(endpoint: string, { method, path, headers, body }: Asked): Promise<Answer> {
  const kept = Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name));
  const response = await fetch(new URL(path, endpoint), { method, headers: kept.map(([name, value]): [string, string] => [name, String(value)]), ...(method === 'GET' || body === '' ? {} : { body }) });
  const text = await response.text();
  const passed = [...response.headers].filter(([name]) => !['connection', 'content-length', 'keep-alive', 'transfer-encoding'].includes(name));
  return { status: response.status, headers: new Headers(passed), body: text === '' ? undefined : JSON.parse(text) };
}

function inSession(answer: Answer, container: string, lsn: number): Answer {
  const headers = new Headers(answer.headers);
  headers.set('x-ms-session-token', `0:-1#${lsn}`);
  headers.set('x-ms-alt-content-path', container);
  headers.set('x-ms-content-path', CONTAINER_ID);
  return { ...answer, headers };
}

function copyOf(item: unknown): unknown {
  return isObject(item) ? { ...item, [ORIGINAL_ETAG]: item['_etag'] } : item;
}

function withOriginalEtags(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withOriginalEtags);
  if (!isObject(body)) return body;
  if (Array.isArray(body['Documents'])) return { ...body, Documents: withOriginalEtags(body['Documents']) };
  const { [ORIGINAL_ETAG]: etag, ...rest } = body;
  return etag === undefined ? body : { ...rest, _etag: etag };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
