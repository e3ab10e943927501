import { Agent, request } from 'undici';
import { KeyholdError } from '../../ports/errors.ts';
import type { Egress } from '../../egress/egress.ts';

const DEADLINE_MS = 5_000;
const LARGEST_ANSWER = 256 * 1024;
const CONNECTIONS = 2;

/** Reads what identity providers publish: by the guarded way out (S33), 5 s at most, 256 KiB at most, no redirects, JSON objects only. */
export class ProviderAnswers {
  readonly #egress: Egress;
  readonly #agent: Agent;

  constructor(egress: Egress) {
    this.#egress = egress;
    this.#agent = new Agent({ allowH2: false, connections: CONNECTIONS, connect: { lookup: egress.lookup, timeout: DEADLINE_MS }, maxResponseSize: LARGEST_ANSWER });
  }

  /** Rejects with `unavailable`, which says where it failed and nothing of what was answered. */
  async read(url: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      this.#egress.requireAllowedLiteral(new URL(url).hostname);
      const { statusCode, body } = await request(url, { dispatcher: this.#agent, headers: { accept: 'application/json' }, signal: AbortSignal.timeout(DEADLINE_MS) });
      const content: unknown = statusCode === 200 ? await body.json() : await body.dump();
      if (typeof content === 'object' && content !== null) return { ...content };
    } catch (error) {
      throw unavailable(url, error);
    }
    throw unavailable(url, undefined);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function unavailable(url: string, cause: unknown): KeyholdError {
  return new KeyholdError('unavailable', `The identity provider's keys cannot be had at the moment (${new URL(url).host}). Try again later.`, { cause });
}
