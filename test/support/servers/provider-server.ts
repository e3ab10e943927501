import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { answerCountTokens, answerMessages } from './provider-server-anthropic.ts';
import { accountHeaders, type AnswerTools, type JsonObject, type RecordedRequest, type ReportedUsage, sendJson } from './provider-server-answers.ts';
import {
  answerChat,
  answerCompletion,
  answerEmbeddings,
  answerModels,
  answerModerations,
  answerResponses,
  isObject,
} from './provider-server-openai.ts';

export interface ProviderServerOptions {
  /** Keys it takes; every key that is not empty when left out. */
  readonly keys?: readonly string[];
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

/**
 * A provider on this machine that speaks OpenAI's and Anthropic's formats: plain, streaming, with tools. What it does wrong is
 * chosen by the model's name:
 *
 * | model begins with | what happens |
 * |---|---|
 * | `error-<status>` | that status, as the provider writes it (429 and 503 with `retry-after`) |
 * | `cut-midstream` | the connection breaks in the middle of the answer |
 * | `cut-before-answer` | it breaks before the answer |
 * | `clean-end-without-done` | the stream ends in order, but without its last event |
 * | `stream-error` | the stream tells of an error |
 * | `slow`, `endless`, `flood`, `silent` | 100 ms between events; events without end, slowly or as fast as they are read; no answer at all |
 * | `huge` (or with `huge` in its name), `no-usage`, `gzip`, `redirect`, `quotes-key` | 2 MiB more; no usage; compressed; 302; an error that quotes the key |
 * | `without-length`, `cut-without-length` | ends with the connection: whole, or not |
 * | `split`, `crlf`, `burst` | events in pieces of 7 bytes; with CR LF; all at once |
 */
export interface ProviderServer {
  /** `http://127.0.0.1:<port>`: what Anthropic's SDK takes as its base URL. */
  readonly url: string;
  /** What OpenAI's SDK takes. */
  readonly openAiUrl: string;
  /** Every request, oldest first. */
  readonly requests: RecordedRequest[];
  readonly usage: ReportedUsage;
  /** Keys it takes; null: every key. */
  keys: ReadonlySet<string> | null;
  /** Connections that are open now. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export async function startProviderServer(options: ProviderServerOptions = {}): Promise<ProviderServer> {
  const usage: ReportedUsage = { requests: 0, inputTokens: 0, outputTokens: 0 };
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: ProviderServer = {
    url,
    openAiUrl: `${url}/v1`,
    requests: [],
    usage,
    keys: options.keys === undefined ? null : new Set(options.keys),
    connections: () => openConnections(server),
    close: () => close(server),
  };
  server.on('request', (request, response) => {
    serve(provider, request, response).catch(() => response.destroy());
  });
  return provider;
}

async function serve(provider: ProviderServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await read(request);
  const recorded: RecordedRequest = {
    method: request.method ?? '',
    path: request.url ?? '',
    rawHeaders: request.rawHeaders,
    headers: request.headers,
    body,
    key: keyOf(request),
    aborted: false,
    sentBytes: 0,
  };
  provider.requests.push(recorded);
  response.once('close', () => {
    recorded.aborted = !response.writableFinished;
  });
  const tools: AnswerTools = {
    response,
    recorded,
    report: (inputTokens, outputTokens) => {
      provider.usage.requests += 1;
      provider.usage.inputTokens += inputTokens;
      provider.usage.outputTokens += outputTokens;
    },
    pause: (milliseconds) => pause(response, milliseconds),
  };
  if (recorded.key === '' || (provider.keys !== null && !provider.keys.has(recorded.key))) {
    // As real providers do: with the key in the text.
    sendError(tools, 401, `Incorrect API key provided: ${recorded.key}. Find your key in your account.`);
    return;
  }
  const parsed = parse(body);
  if (!faulty(tools, typeof parsed['model'] === 'string' ? parsed['model'] : '')) await answer(tools, parsed);
}

async function answer(tools: AnswerTools, body: JsonObject): Promise<void> {
  const [path = ''] = tools.recorded.path.split('?');
  const routes: readonly (readonly [method: string, ending: string, (tools: AnswerTools, body: JsonObject) => Promise<void> | void])[] = [
    ['POST', '/chat/completions', answerChat],
    ['POST', '/completions', answerCompletion],
    ['POST', '/embeddings', answerEmbeddings],
    ['POST', '/moderations', answerModerations],
    ['POST', '/responses', answerResponses],
    ['POST', '/messages/count_tokens', answerCountTokens],
    ['POST', '/messages', answerMessages],
    ['GET', '/models', answerModels],
  ];
  const route = routes.find(([method, ending]) => tools.recorded.method === method && path.endsWith(ending));
  if (route === undefined) sendError(tools, 404, `Unknown route ${path}`);
  else await route[2](tools, body);
}

/** Whether the model's name asked for something that has nothing to do with the route. */
function faulty(tools: AnswerTools, model: string): boolean {
  const { response, recorded } = tools;
  const status = /^error-(\d{3})/.exec(model)?.[1];
  if (status !== undefined) sendError(tools, Number(status), `The local provider was asked for ${status}`);
  else if (model.startsWith('cut-before-answer')) response.socket?.destroy();
  else if (model.startsWith('redirect')) response.writeHead(302, { location: 'http://127.0.0.1:9/elsewhere' }).end();
  else if (model.startsWith('quotes-key')) sendError(tools, 400, `The key ${recorded.key} is not valid here`);
  else if (model.startsWith('gzip')) response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync('{"ok":true}'));
  else if (model.startsWith('without-length')) sendWithoutLength(response, '{"object":"chat.completion","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"choices":[]}');
  else if (model.startsWith('cut-without-length')) sendWithoutLength(response, '{"object":"chat.completion","choices":[{"message":{"content":"half an ans');
  else return model.startsWith('silent');
  return true;
}

/** The old way: the answer ends where the connection ends. */
function sendWithoutLength(response: ServerResponse, text: string): void {
  response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n${text}`);
}

function sendError({ response, recorded }: AnswerTools, status: number, message: string): void {
  const retry: Record<string, string> = status === 429 || status === 503 ? { 'retry-after': '1' } : {};
  const anthropic = recorded.path.includes('/messages');
  const type = status === 401 ? 'authentication_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  const body = anthropic ? { type: 'error', error: { type, message }, request_id: 'req_local_1' } : { error: { message, type, param: null, code: null } };
  sendJson(response, status, body, { ...retry, ...accountHeaders, 'x-request-id': 'req-local-1', 'request-id': 'req_local_1' });
}

function keyOf({ headers }: IncomingMessage): string {
  const header = headers['x-api-key'] ?? headers['api-key'] ?? headers.authorization?.replace(/^Bearer /, '') ?? '';
  return typeof header === 'string' ? header : '';
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parse(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function pause(response: ServerResponse, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    }
    response.once('close', done);
  });
}

function openConnections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
