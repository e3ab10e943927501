import { KeyholdError } from '../ports/errors.ts';
import type { MeteredCounts } from '../ports/usage.ts';
import { errorEvent, shownError } from './error-shapes.ts';
import { partialCounts } from './meter.ts';
import { type Flow, passingHeaders, type Relay, type RelayContext, type UpstreamHeaders } from './relay.ts';
import { SseFrames } from './sse-frames.ts';
import { streamReader, type StreamReader } from './stream-readers.ts';
import { noTokens } from './token-counts.ts';

/** A provider that said its last event is given so long to end the connection in order. */
const AFTER_LAST_EVENT_MS = 5_000;

/**
 * A stream of events. Whole events pass as they come; the last one, which tells a client that it has everything, passes only when
 * the usage is written. A stream that ends or breaks without it gets the provider's own error event and a reset connection (R5.2).
 */
export class StreamRelay implements Relay {
  readonly #context: RelayContext;
  readonly #flow: Flow;
  readonly #status: number;
  readonly #reader: StreamReader;
  readonly #frames = new SseFrames();
  /** The last event and what follows it. */
  #held = '';
  #ending: 'finished' | 'failed' | undefined;
  #isSettling = false;
  #settled = false;
  #upstreamOver = false;
  #broken = false;
  #late: NodeJS.Timeout | undefined;

  constructor(context: RelayContext, flow: Flow, status: number, headers: UpstreamHeaders) {
    this.#context = context;
    this.#flow = flow;
    this.#status = status;
    this.#reader = streamReader(context.route, context.usageAdded);
    context.answer.head(status, passingHeaders(context, headers));
    context.answer.flushHeadSoon(() => this.#isSettling);
  }

  data(chunk: Buffer): void {
    if (this.#broken) return;
    this.#context.meter.firstToken();
    let frames: string[];
    try {
      frames = this.#frames.push(chunk.toString('latin1'));
    } catch (cause) {
      this.#flow.abort();
      this.broke(new KeyholdError('upstream_failed', `${this.#context.upstream.service.id} sent an event that is far too large.`, { cause }));
      return;
    }
    let out = '';
    for (const frame of frames) out += this.#take(frame);
    if (this.#ending === undefined || this.#settled) {
      if (out !== '') this.#write(out);
      return;
    }
    // What came in one piece with the end leaves in one piece with it: a write costs more than a short wait.
    this.#held = out + this.#held;
    this.#settle(this.#ending);
  }

  end(): void {
    this.#upstreamOver = true;
    if (this.#broken) return;
    const rest = this.#frames.rest();
    if (rest !== '' && this.#ending === undefined) {
      // The blank line behind a last event is sometimes left out; anything else that is not whole is dropped.
      if (this.#quotesKey(rest)) return;
      const verdict = this.#reader.read(rest);
      if (verdict === 'finished' || verdict === 'failed') {
        this.#ending = verdict;
        this.#held = rest;
      }
    }
    if (this.#ending === undefined && this.#reader.mayEnd) {
      this.#ending = this.#reader.failed ? 'failed' : 'finished';
      this.#held = rest;
    }
    if (this.#ending === undefined) {
      this.broke(new KeyholdError('upstream_failed', `${this.#context.upstream.service.id} ended the stream before its last event.`));
    } else {
      this.#settle(this.#ending);
      this.#finishWhenOver();
    }
  }

  broke(error: KeyholdError): void {
    this.#upstreamOver = true;
    if (this.#broken) return;
    if (this.#ending !== undefined) {
      this.#finishWhenOver();
      return;
    }
    this.#broken = true;
    this.#context.settle({ outcome: 'failed', status: this.#status, ...this.partial() }, () => {
      this.#context.answer.breakOff(this.lastWords(error));
    });
  }

  lastWords(error: KeyholdError): string {
    const { upstream, route, requestId } = this.#context;
    return errorEvent(shownError(error), upstream.format, route.id, requestId);
  }

  get failed(): boolean {
    return this.#reader.failed;
  }

  partial(): { counts: MeteredCounts; estimated: boolean } {
    if (this.#context.route.usage === 'none') return { counts: noTokens, estimated: false };
    return { counts: partialCounts(this.#reader.counts, this.#context.meter.inputEstimate, this.#reader.characters), estimated: true };
  }

  /** What of this frame goes to the client now. */
  #take(frame: string): string {
    if (this.#broken || this.#quotesKey(frame)) return '';
    if (this.#ending !== undefined) {
      if (this.#settled) return frame;
      this.#held += frame;
      return '';
    }
    const verdict = this.#reader.read(frame);
    if (verdict === 'pass') return frame;
    if (verdict === 'drop') return '';
    this.#ending = verdict;
    this.#held = frame;
    return '';
  }

  /** Tells an error that quotes the key as one of ours, since the provider's must not pass (R10.1). */
  #quotesKey(frame: string): boolean {
    if (!frame.includes('error"') || !this.#context.quotesKey(frame)) return false;
    this.#flow.abort();
    this.broke(new KeyholdError('upstream_failed', `${this.#context.upstream.service.id} failed, with an error that quotes the key.`));
    return true;
  }

  #write(text: string): void {
    if (!this.#context.answer.write(text, () => this.#flow.resume())) this.#flow.pause();
  }

  #settle(ending: 'finished' | 'failed'): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    const outcome = ending === 'finished' ? 'completed' : 'failed';
    const whole = this.#reader.final && this.#reader.counts !== undefined ? { counts: this.#reader.counts, estimated: false } : this.partial();
    this.#context.settle({ outcome, status: this.#status, ...whole }, () => {
      this.#settled = true;
      if (!this.#upstreamOver) {
        this.#write(this.#held);
        this.#held = '';
        this.#late = setTimeout(() => {
          this.#flow.abort();
          this.#upstreamOver = true;
          this.#finishWhenOver();
        }, AFTER_LAST_EVENT_MS);
      }
      this.#finishWhenOver();
    });
  }

  #finishWhenOver(): void {
    if (!this.#settled || !this.#upstreamOver) return;
    clearTimeout(this.#late);
    this.#context.answer.end(this.#held);
    this.#held = '';
  }
}
