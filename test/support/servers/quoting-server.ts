import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the key that came with a request is told back, by the model's name. */
const ways: Readonly<Record<string, (key: string, response: ServerResponse) => void>> = {
  'json-400': (key, response) => send(response, 400, JSON.stringify({ error: { message: `The key ${key} is not valid here`, code: null } })),
  'json-404': (key, response) => send(response, 404, JSON.stringify({ error: { message: `The key ${key} may not see this model` } })),
  'json-422-deep': (key, response) => send(response, 422, JSON.stringify({ detail: [{ loc: ['headers', 'authorization'], input: `Bearer ${key}` }] })),
  'json-429': (key, response) => send(response, 429, JSON.stringify({ error: { message: `Too many requests with ${key}` } })),
  'json-401': (key, response) => send(response, 401, JSON.stringify({ error: { message: `Incorrect API key provided: ${key}` } })),
  'json-403': (key, response) => send(response, 403, JSON.stringify({ error: { message: `${key} may not do this` } })),
  'text-500': (key, response) => send(response, 500, `Traceback: {'Authorization': 'Bearer ${key}'}`, 'text/plain'),
  'html-502': (key, response) => send(response, 502, `<html><body>Bad gateway for ${key}</body></html>`, 'text/html'),
  'escaped-400': (key, response) => send(response, 400, `{"error":{"message":"The key ${escaped(key)} is not valid here"}}`),
  'slashes-400': (key, response) => send(response, 400, JSON.stringify({ error: { message: key } }).replaceAll('/', '\\/')),
  'long-400': (key, response) => send(response, 400, JSON.stringify({ error: { message: `${'x'.repeat(100_000)}${key}` } })),
  'longest-400': (key, response) => send(response, 400, JSON.stringify({ error: { message: `${key}${'x'.repeat(400_000)}` } })),
  'pieces-400': (key, response) => {
    const body = JSON.stringify({ error: { message: `The key ${key} is not valid here` } });
    response.writeHead(400, { 'content-type': 'application/json' });
    const at = body.indexOf(key) + 20;
    response.write(body.slice(0, at), () => setTimeout(() => response.end(body.slice(at)), 20));
  },
  'cut-400': (key, response) => {
    response.writeHead(400, { 'content-type': 'application/json', 'content-length': 10_000 });
    response.write(`{"error":{"message":"The key ${key}`, () => response.socket?.destroy());
  },
  'event-400': (key, response) => send(response, 400, `data: ${JSON.stringify({ error: { message: `The key ${key} is not valid here` } })}\n\n`, 'text/event-stream'),
  'stream-error': (key, response) => send(response, 200, `data: ${JSON.stringify({ error: { message: `The key ${key} has run out of credit`, code: 'quota' } })}\n\ndata: [DONE]\n\n`, 'text/event-stream'),
  redirect: (key, response) => response.writeHead(302, { location: `https://example.com/?key=${encodeURIComponent(key)}` }).end(key),
};

export const quotingModels = Object.keys(ways);

export interface QuotingServer {
  /** What OpenAI's SDK takes as its base URL. */
  readonly url: string;
  /** How often each way was asked for. */
  readonly asked: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** A provider that tells callers their key, as careless ones do. */
export async function startQuotingServer(): Promise<QuotingServer> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    void answer(request, response, asked);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, asked: Map<string, number>): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { model = '' } = JSON.parse(body) as { readonly model?: string };
  asked.set(model, (asked.get(model) ?? 0) + 1);
  ways[model]?.((request.headers.authorization ?? '').replace('Bearer ', ''), response);
}

function send(response: ServerResponse, status: number, body: string, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

/** As an encoder writes it that leaves only ASCII letters and digits as they are. */
function escaped(key: string): string {
  return key.replaceAll(/[^\w-]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
