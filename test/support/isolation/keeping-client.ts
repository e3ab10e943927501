import { Agent, request as httpRequest } from 'node:http';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token: string | null;
  readonly body?: unknown;
}

export interface Got {
  readonly status: number;
  /** As they came, names and values in turn, the trailers' after the head's. */
  readonly raw: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The body, where it is a JSON object; else empty. */
  readonly json: Readonly<Record<string, unknown>>;
  /** It ended as HTTP says; a cut stream did not. */
  readonly whole: boolean;
}

/** One connection after another is used by whoever asks next: also by another tenant. */
export class KeepingClient {
  readonly #agent = new Agent({ keepAlive: true, scheduling: 'lifo' });

  ask(port: number, { method, path, headers = {}, token, body }: Asked): Promise<Got> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: this.#agent,
        headers: { ...signedIn(token, port), ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }), ...headers },
      });
      let answered = false;
      request.on('error', (error) => {
        if (!answered) reject(error);
      });
      request.on('response', (response) => {
        answered = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => undefined);
        response.on('close', () => {
          const read = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, raw: [...response.rawHeaders, ...response.rawTrailers], headers: response.headers, text: read, json: objectIn(read), whole: response.complete });
        });
      });
      request.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A session goes in its cookie, as from a page of Keyhold's own. */
function signedIn(token: string | null, port: number): Readonly<Record<string, string>> {
  if (token === null) return {};
  return token.startsWith('kh_s_') ? { cookie: `__Host-keyhold-session=${token}`, origin: `http://127.0.0.1:${port}` } : { authorization: `Bearer ${token}` };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
