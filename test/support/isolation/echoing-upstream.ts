import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { markIn } from './marks.ts';

/** What came to the provider: with whose key, and from whom. */
export interface UpstreamRequest {
  readonly key: string;
  /** The mark in the body: whoever wrote that asked. */
  readonly from: string | undefined;
  readonly at: number;
}

export const conducts = ['answer', 'stream', 'broken-stream', '400', '401', '403', '404', '429', '500', 'redirect'] as const;

export interface EchoingUpstream {
  /** Each service has a path of its own below it. */
  readonly url: string;
  readonly requests: UpstreamRequest[];
  close(): Promise<void>;
}

/** A provider that tells what it was told: the request in its answers, and the key, too, in its refusals and in headers that nobody should pass on. */
export async function startEchoingUpstream(): Promise<EchoingUpstream> {
  const requests: UpstreamRequest[] = [];
  const server = createServer((request, response) => {
    void serve(request, response, requests);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, requests: UpstreamRequest[]): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { authorization = '', 'x-api-key': anthropicKey } = request.headers;
  const key = typeof anthropicKey === 'string' ? anthropicKey : authorization.replace('Bearer ', '');
  requests.push({ key, from: markIn(body), at: requests.length });
  const conduct = /conduct:([\w-]+)/.exec(body)?.[1] ?? 'answer';
  const telling = { 'set-cookie': `key=${key}`, 'x-request-id': 'req-upstream', 'openai-organization': `org-${markIn(key) ?? 'none'}`, 'x-served-with': key };
  // Whose key it was, but not the key: an answer's text passes as it is.
  const said = `served with ${markIn(key) ?? 'no mark'}, asked ${body.slice(0, 400)}`;
  if (conduct === 'answer') send(response, 200, JSON.stringify(chat(said)), telling);
  else if (conduct === 'stream' || conduct === 'broken-stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...telling, trailer: 'x-trailer' });
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: said } }] })}\n\n`);
    if (conduct === 'broken-stream') response.write(`data: ${JSON.stringify({ error: { message: `The key ${key} has run out of credit` } })}\n\n`);
    response.addTrailers({ 'x-trailer': key });
    response.end('data: [DONE]\n\n');
  } else if (conduct === 'redirect') response.writeHead(302, { location: `https://example.com/?key=${key}`, ...telling }).end(key);
  else send(response, Number(conduct), JSON.stringify({ error: { message: `Not with the key ${key}`, type: 'x', code: null } }), telling);
}

function chat(content: string): object {
  return { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }], content: [{ type: 'text', text: content }], usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8, input_tokens: 3, output_tokens: 5 } };
}

function send(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}
