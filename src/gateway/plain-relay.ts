import { KeyholdError } from '../ports/errors.ts';
import type { MeteredCounts } from '../ports/usage.ts';
import { JsonUsage } from './json-usage.ts';
import { estimatedTokens, partialCounts } from './meter.ts';
import { type Flow, passingHeaders, type Relay, type RelayContext, textHeader, type UpstreamHeaders } from './relay.ts';
import { noTokens, tokenCounts } from './token-counts.ts';
import { refusalBy } from './upstream-refusal.ts';

/** An answer up to here is sent when it is whole, in one piece; a larger one passes as it comes. */
const HELD_BYTES = 64 * 1024;
/** An error larger than this is none. */
const MAX_ERROR_BYTES = 256 * 1024;

/**
 * An answer that is not a stream of events. Its bytes pass as they are; the last of them only when the usage is written and the
 * answer is known to be whole, so that a cut one never looks complete.
 */
export class PlainRelay implements Relay {
  readonly #context: RelayContext;
  readonly #flow: Flow;
  readonly #status: number;
  readonly #headers: UpstreamHeaders;
  readonly #usage: JsonUsage | undefined;
  /** One character a byte. */
  #held = '';
  #size = 0;
  /** Set once the answer has begun to pass; always the newest piece. */
  #last: Buffer | undefined;

  constructor(context: RelayContext, flow: Flow, status: number, headers: UpstreamHeaders) {
    this.#context = context;
    this.#flow = flow;
    this.#status = status;
    this.#headers = headers;
    this.#usage = textHeader(headers, 'content-type').includes('json') ? new JsonUsage() : undefined;
  }

  data(chunk: Buffer): void {
    this.#usage?.feed(chunk);
    this.#size += chunk.length;
    if (this.#last !== undefined) {
      this.#pass(chunk);
      return;
    }
    this.#held += chunk.toString('latin1');
    if (this.#size <= (this.#status < 400 ? HELD_BYTES : MAX_ERROR_BYTES)) return;
    if (this.#status >= 400) {
      this.#flow.abort();
      this.broke(new KeyholdError('upstream_failed', `${this.#context.upstream.service.id} answered ${this.#status} with far too many bytes.`));
    } else {
      this.#startPassing();
    }
  }

  end(): void {
    if (!this.#whole()) {
      this.broke(new KeyholdError('upstream_failed', `${this.#context.upstream.service.id} ended its answer before it was complete.`));
      return;
    }
    const { counts, estimated } = this.#counts();
    const outcome = this.#status < 400 ? 'completed' : 'failed';
    this.#context.settle({ outcome, status: this.#status, counts, estimated }, () => this.#finish());
  }

  broke(error: KeyholdError): void {
    this.#context.fail(error, { outcome: 'failed', status: this.#status, ...this.partial() });
  }

  partial(): { counts: MeteredCounts; estimated: boolean } {
    if (this.#status >= 400) return { counts: noTokens, estimated: false };
    const told = this.#told();
    if (this.#context.route.usage === 'none') return { counts: noTokens, estimated: false };
    return { counts: partialCounts(told, this.#context.meter.inputEstimate, 0), estimated: true };
  }

  /** Without a length or chunks only the JSON itself tells whether the connection ended too early. */
  #whole(): boolean {
    if (textHeader(this.#headers, 'content-length') !== '' || textHeader(this.#headers, 'transfer-encoding') !== '') return true;
    return this.#size === 0 || this.#status >= 400 || (this.#usage?.whole ?? false);
  }

  #counts(): { counts: MeteredCounts; estimated: boolean } {
    const { route, meter } = this.#context;
    if (this.#status >= 400 || route.usage === 'none') return { counts: noTokens, estimated: false };
    const told = this.#told();
    if (told !== undefined) return { counts: told, estimated: false };
    const outputTokens = route.usage === 'openai-embeddings' ? 0 : estimatedTokens(this.#size);
    return { counts: { ...noTokens, inputTokens: meter.inputEstimate, outputTokens }, estimated: true };
  }

  #told(): MeteredCounts | undefined {
    return tokenCounts(this.#usage?.value(), this.#context.route.usage);
  }

  #startPassing(): void {
    const { answer } = this.#context;
    const length = textHeader(this.#headers, 'content-length');
    answer.head(this.#status, [...passingHeaders(this.#context, this.#headers), ...(length === '' ? [] : ['content-length', length])]);
    this.#last = Buffer.from(this.#held, 'latin1');
    this.#held = '';
  }

  #pass(chunk: Buffer): void {
    const before = this.#last;
    this.#last = Buffer.from(chunk);
    if (before !== undefined && !this.#context.answer.write(before, () => this.#flow.resume())) this.#flow.pause();
  }

  #finish(): void {
    const { answer } = this.#context;
    if (this.#last !== undefined) {
      answer.end(this.#last);
      return;
    }
    if (answer.over) return;
    const text = this.#held;
    if (this.#status >= 400 && this.#context.quotesKey(text)) {
      const error = refusalBy(this.#context.upstream.service.id, this.#status, this.#headers, '');
      this.#context.fail(error, { outcome: 'failed', status: this.#status, counts: noTokens, estimated: false }, this.#status);
      return;
    }
    const headers = passingHeaders(this.#context, this.#headers);
    if (this.#status >= 400) headers.push('x-keyhold-error-origin', 'upstream');
    if (this.#status !== 204) headers.push('content-length', String(text.length));
    answer.head(this.#status, headers);
    answer.end(text);
  }
}
