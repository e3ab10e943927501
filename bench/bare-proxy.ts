import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';

/*
 * The yardstick: the least that a proxy on node:http and undici can do. It looks a bearer token up, puts the provider's key in its
 * place, and passes bodies on. It measures nothing, keeps nothing, and checks nothing else.
 *
 * Arguments: the caller's key, the provider's key, the upstream's address. Writes the port it listens on.
 */

const [callerKey = '', providerKey = '', upstream = ''] = process.argv.slice(2);
const keys = new Map([[`Bearer ${callerKey}`, `Bearer ${providerKey}`]]);
const pool = new Pool(upstream, { allowH2: false });

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on('close', () => {
      if (!this.#response.writableEnded) controller.abort(new Error('The client left.'));
    });
    this.#response.on('drain', () => controller.resume());
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const passed: Record<string, string> = {};
    for (const name of ['content-type', 'content-length']) {
      const value = headers[name];
      if (typeof value === 'string') passed[name] = value;
    }
    this.#response.writeHead(status, passed);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const authorization = keys.get(request.headers.authorization ?? '');
  if (authorization === undefined) {
    response.writeHead(401).end();
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [only] = chunks;
    const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    const headers = { authorization, 'content-type': 'application/json', 'accept-encoding': 'identity' };
    pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body }, new Answer(response));
  });
}

const server = createServer(forward).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
