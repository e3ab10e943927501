import { errorStatus } from '../http/error-status.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { MeteredCounts } from '../ports/usage.ts';
import { type Ending, estimatedTokens, partialCounts } from './meter.ts';
import { type Flow, passingHeaders, type Relay, type RelayContext, type UpstreamHeaders } from './relay.ts';
import { isFields, noTokens, tokenCounts } from './token-counts.ts';
import { refusalBy } from './upstream-refusal.ts';
import { WholeBody } from './whole-body.ts';

/** More than any chat answer. */
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_MESSAGE = 500;

/** Carries a chat answer in the shape of R4.3: the message alone, with what it cost in tokens. */
export class ChatRelay implements Relay {
  readonly #context: RelayContext;
  readonly #flow: Flow;
  readonly #status: number;
  readonly #headers: UpstreamHeaders;
  readonly #model: string | null;
  readonly #body = new WholeBody(MAX_BYTES);

  constructor(context: RelayContext, flow: Flow, status: number, headers: UpstreamHeaders, model: string | null) {
    this.#context = context;
    this.#flow = flow;
    this.#status = status;
    this.#headers = headers;
    this.#model = model;
  }

  data(chunk: Buffer): void {
    if (this.#body.add(chunk)) return;
    this.#flow.abort();
    this.broke(new KeyholdError('upstream_failed', `${this.#provider} answered with far too many bytes.`));
  }

  end(): void {
    const body = this.#body.json();
    if (this.#status >= 400) this.#refused(body);
    else this.#answered(body);
  }

  broke(error: KeyholdError): void {
    this.#context.fail(error, { outcome: 'failed', status: this.#status, ...this.partial() });
  }

  partial(): { counts: MeteredCounts; estimated: boolean } {
    if (this.#status >= 400) return { counts: noTokens, estimated: false };
    return { counts: partialCounts(undefined, this.#context.meter.inputEstimate, 0), estimated: true };
  }

  get #provider(): string {
    return this.#context.upstream.service.id;
  }

  #answered(body: unknown): void {
    const message = messageOf(body);
    if (message === undefined || !isFields(body)) {
      this.broke(new KeyholdError('upstream_failed', `${this.#provider} answered with something that is no chat completion, or not all of one.`));
      return;
    }
    const told = tokenCounts(body['usage'], 'openai-chat');
    const counts = told ?? { ...noTokens, inputTokens: this.#context.meter.inputEstimate, outputTokens: estimatedTokens(message.length) };
    const { inputTokens, outputTokens } = counts;
    const text = JSON.stringify({
      message,
      provider: this.#provider,
      model: this.#model,
      usage: { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens },
    });
    const ending: Ending = { outcome: 'completed', status: this.#status, counts, estimated: told === undefined };
    this.#context.settle(ending, () => this.#send(text));
  }

  #send(text: string): void {
    const { answer } = this.#context;
    if (answer.over) return;
    const bytes = Buffer.from(text, 'utf8');
    const headers = passingHeaders(this.#context, this.#headers).filter((_, at, all) => all[at - (at % 2)] !== 'content-type');
    answer.head(200, ['content-type', 'application/json', ...headers, 'content-length', String(bytes.length)]);
    answer.end(bytes.toString('latin1'));
  }

  /** The provider's refusal under our own codes; its words only where they are about the request (R0.3). */
  #refused(body: unknown): void {
    const told = refusalWords(body);
    // Asked of the whole text: a key that is cut off half-way is not found any more.
    const words = this.#status < 500 && !this.#context.quotesKey(told) ? told.slice(0, MAX_MESSAGE).toWellFormed() : '';
    const error = refusalBy(this.#provider, this.#status, this.#headers, words);
    this.#context.fail(error, { outcome: 'failed', status: this.#status, counts: noTokens, estimated: false }, errorStatus(error.code));
  }
}

function messageOf(body: unknown): string | undefined {
  if (!isFields(body) || !Array.isArray(body['choices'])) return undefined;
  const [choice]: unknown[] = body['choices'];
  if (!isFields(choice) || !isFields(choice['message'])) return undefined;
  const { content } = choice['message'];
  return typeof content === 'string' ? content : '';
}

function refusalWords(body: unknown): string {
  const error = isFields(body) ? body['error'] : undefined;
  const message = isFields(error) ? error['message'] : error;
  return typeof message === 'string' ? message : '';
}
