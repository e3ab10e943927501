import { request } from 'node:http';
import type { Evidence } from './evidence.ts';

export interface Told {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly method: string;
  /** Goes out as it is. */
  readonly path: string;
  /** In `Authorization: Bearer`. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A text and bytes go out as they are; anything else as JSON. */
  readonly body?: unknown;
  /** Leave when so many bytes of the answer have come. */
  readonly leaveAfter?: number;
  /** The answer's property whose text is shown this once by design (R0.2); or `set-cookie`, for a browser's session, or what it keeps while it signs in. */
  readonly shows?: string;
  /** The answer repeats a name to whoever sent it, and is not searched; everything else is. */
  readonly repeats?: true;
}

/** Calls the product and keeps every byte of what it says. */
export class Witness {
  readonly #evidence: Evidence;
  url: string;

  constructor(evidence: Evidence, url: string) {
    this.#evidence = evidence;
    this.url = url;
  }

  /** Never throws: a connection that breaks is an answer, too. */
  async ask(ask: Ask): Promise<Told> {
    const { status, headers, rawHeaders, bytes } = await exchange(this.url, ask);
    const text = bytes.toString();
    const body = parsed(text);
    const shown = ask.shows === undefined ? undefined : body[ask.shows];
    const kept = typeof shown === 'string' ? text.replace(JSON.stringify(shown), '""') : bytes;
    if (ask.repeats === true) return { status, headers, text, body };
    const where = `answer ${status} to ${ask.method} ${ask.path.slice(0, 60)}`;
    this.#evidence.add(where, kept);
    this.#evidence.add(`headers of the ${where}`, (ask.shows === 'set-cookie' ? rawHeaders.filter((value) => !/^__Host-keyhold-(?:session=kh_s_|sign-in=)/u.test(value)) : rawHeaders).join('\n'));
    return { status, headers, text, body };
  }

  /** As `ask`; throws unless the answer has this status. */
  async expect(status: number, ask: Ask): Promise<Told> {
    const told = await this.ask(ask);
    if (told.status !== status) throw new Error(`${ask.method} ${ask.path}: ${told.status} instead of ${status}: ${told.text.slice(0, 500)}`);
    return told;
  }
}

interface Exchanged extends Pick<Told, 'status' | 'headers'> {
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
}

function exchange(url: string, { method, path, token, headers = {}, body, leaveAfter = Infinity }: Ask): Promise<Exchanged> {
  const { hostname, port } = new URL(url);
  const bytes = body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let told: Pick<Exchanged, 'status' | 'headers' | 'rawHeaders'> = { status: 0, headers: {}, rawHeaders: [] };
    const end = (): void => resolve({ ...told, bytes: Buffer.concat(chunks) });
    const call = request({
      hostname,
      port,
      method,
      path,
      agent: false,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(bytes)) }),
        ...headers,
      },
    });
    call.on('response', (response) => {
      told = { status: response.statusCode ?? 0, headers: response.headers, rawHeaders: [response.statusMessage ?? '', ...response.rawHeaders] };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > leaveAfter) call.destroy();
      });
      response.on('close', end).on('error', end);
    });
    call.on('error', end);
    call.end(bytes);
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
