import { KeyholdError } from '../ports/errors.ts';
import { type Flow, passingHeaders, type Relay, type RelayContext, type UpstreamHeaders } from './relay.ts';
import { isFields, noTokens } from './token-counts.ts';
import { WholeBody } from './whole-body.ts';

/** More than any provider's list. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Carries a provider's list of models with only those in it that the gateway key may use (R5.9). */
export class ModelListRelay implements Relay {
  readonly #context: RelayContext;
  readonly #flow: Flow;
  readonly #status: number;
  readonly #headers: UpstreamHeaders;
  readonly #mayUse: (model: string) => boolean;
  readonly #body = new WholeBody(MAX_BYTES);

  constructor(context: RelayContext, flow: Flow, status: number, headers: UpstreamHeaders, mayUse: (model: string) => boolean) {
    this.#context = context;
    this.#flow = flow;
    this.#status = status;
    this.#headers = headers;
    this.#mayUse = mayUse;
  }

  data(chunk: Buffer): void {
    if (this.#body.add(chunk)) return;
    this.#flow.abort();
    this.broke(new KeyholdError('upstream_failed', `${this.#provider} answered with far too many bytes.`));
  }

  end(): void {
    const list = this.#body.json();
    if (!isFields(list) || !Array.isArray(list['data'])) {
      this.broke(new KeyholdError('upstream_failed', `${this.#provider} answered with something that is no list of models, or not all of one.`));
      return;
    }
    const models: readonly unknown[] = list['data'];
    const text = JSON.stringify({ ...list, data: models.filter((model) => isFields(model) && typeof model['id'] === 'string' && this.#mayUse(model['id'])) });
    this.#context.settle({ outcome: 'completed', status: this.#status, counts: noTokens, estimated: false }, () => this.#send(Buffer.from(text, 'utf8')));
  }

  broke(error: KeyholdError): void {
    this.#context.fail(error, { outcome: 'failed', status: this.#status, ...this.partial() });
  }

  partial(): ReturnType<Relay['partial']> {
    return { counts: noTokens, estimated: false };
  }

  get #provider(): string {
    return this.#context.upstream.service.id;
  }

  #send(bytes: Buffer): void {
    const { answer } = this.#context;
    if (answer.over) return;
    answer.head(this.#status, [...passingHeaders(this.#context, this.#headers), 'content-length', String(bytes.length)]);
    answer.end(bytes.toString('latin1'));
  }
}
