import { Agent, request } from 'undici';
import { KeyholdError } from '../../ports/errors.ts';
import { connectorOf } from '../../egress/connector.ts';
import type { Egress } from '../../egress/egress.ts';

const DEADLINE_MS = 5_000;
const LARGEST_ANSWER = 256 * 1024;
const CONNECTIONS = 2;
/** https://fetch.spec.whatwg.org/#null-body-status: a `Response` of these takes no body. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** A request as libraries make it that take a `fetch` of ours. */
export interface SentRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Asks identity providers: by the guarded way out (S33), 5 s at most, 256 KiB at most, no redirects. */
export class ProviderAnswers {
  readonly #egress: Egress;
  readonly #agent: Agent;

  constructor(egress: Egress) {
    this.#egress = egress;
    this.#agent = new Agent({ allowH2: false, connections: CONNECTIONS, connect: connectorOf(egress, { timeout: DEADLINE_MS }), maxResponseSize: LARGEST_ANSWER });
  }

  /** What they publish: JSON objects. Rejects with `unavailable`, which says where it failed and nothing of what was answered. */
  async read(url: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      const response = await this.#asked(url, { method: 'GET', headers: { accept: 'application/json' } });
      const content: unknown = response.status === 200 ? await response.json() : undefined;
      if (typeof content === 'object' && content !== null) return { ...content };
    } catch (error) {
      throw unavailable(url, error);
    }
    throw unavailable(url, undefined);
  }

  /** Sends a form, as `fetch` would. Rejects with `unavailable` when there is no answer, and for those that say that the provider is not well. */
  readonly send = async (url: string, sent: SentRequest): Promise<Response> => {
    const response = await this.#asked(url, sent).catch((error: unknown) => {
      throw unavailable(url, error);
    });
    if (response.status >= 500 || response.status === 429) throw unavailable(url, undefined);
    return response;
  };

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #asked(url: string, { method, headers, body }: SentRequest): Promise<Response> {
    this.#egress.requireAllowedLiteral(new URL(url).hostname);
    const answer = await request(url, { dispatcher: this.#agent, method, headers, body: body instanceof URLSearchParams ? body.toString() : null, signal: AbortSignal.timeout(DEADLINE_MS) });
    const content = await answer.body.arrayBuffer();
    const taken = Object.entries(answer.headers).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [value].flat().map((one) => [name, one])));
    return new Response(WITHOUT_BODY.has(answer.statusCode) ? null : content, { status: answer.statusCode, headers: taken });
  }
}

function unavailable(url: string, cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', `The identity provider cannot be asked at the moment (${new URL(url).host}). Try again later.`, { cause });
}
