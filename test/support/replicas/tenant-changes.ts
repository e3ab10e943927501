import type { Api, ApiAnswer, TestTenant } from '../api.ts';
import type { Span } from '../crash/credential-slot.ts';
import type { SeededRandom } from '../crash/seeded-random.ts';
import { Validity } from './validity.ts';

const MOST_KEYS = 40;

interface MadeKey {
  readonly id: string;
  readonly validity: Validity;
  /** Somebody has begun to end it. */
  isEnding: boolean;
}

/** Gateway keys of a tenant that come and go, made, given another text and ended through any replica. The texts are in `known` under the tenant's name, `#`, the id, `#` and the number of the change that made them. */
export class GatewayKeyRing {
  readonly problems: string[] = [];
  readonly acknowledged: { readonly requestId: string; readonly action: string }[] = [];
  readonly #tenant: string;
  readonly #random: SeededRandom;
  readonly #known: Map<string, string>;
  readonly #keys = new Map<string, MadeKey>();
  #count = 0;

  constructor(tenant: string, random: SeededRandom, known: Map<string, string>) {
    this.#tenant = tenant;
    this.#random = random;
    this.#known = known;
  }

  /** Whom a request may come from: keys that live, and the one that was ended last, since addresses that keep asking with unknown keys are kept out. */
  get names(): readonly string[] {
    const all = [...this.#keys];
    return [...all.filter(([, { isEnding }]) => !isEnding), ...all.filter(([, { isEnding }]) => isEnding).slice(-1)].map(([name]) => name);
  }

  async change(api: Api): Promise<void> {
    this.#count += 1;
    const requestId = `gateway-key.${this.#count}`;
    const living = [...this.#keys.values()].filter(({ isEnding }) => !isEnding);
    const path = `/api/v1/tenants/${this.#tenant}/gateway-keys`;
    if (living.length < 2 && this.#keys.size < MOST_KEYS) {
      const answer = await api.call('POST', path, { name: requestId }, { 'x-request-id': requestId }).catch(() => undefined);
      if (answer?.status === 201) {
        this.#take(answer);
        this.acknowledged.push({ requestId, action: 'gateway-key.create' });
      } else if (answer !== undefined && answer.status !== 503) this.problems.push(`a gateway key could not be made: ${answer.status} ${answer.text}`);
      return;
    }
    const ending = living[this.#random.below(Math.max(1, living.length))];
    if (ending === undefined) return;
    ending.isEnding = true;
    const isRotated = this.#keys.size < MOST_KEYS && this.#random.below(2) === 0;
    const [method, end] = isRotated ? ['POST', `${path}/${ending.id}/rotate`] : ['DELETE', `${path}/${ending.id}`];
    const answer = await api.call(method, end, undefined, { 'x-request-id': requestId }).catch(() => undefined);
    if (answer?.status === 200) {
      ending.validity.close();
      if (isRotated) this.#take(answer);
      this.acknowledged.push({ requestId, action: isRotated ? 'gateway-key.rotate' : 'gateway-key.revoke' });
    } else if (answer !== undefined && answer.status !== 503 && answer.status !== 409) this.problems.push(`a gateway key could not be ended: ${answer.status} ${answer.text}`);
  }

  /** A text that serves from now on; those of one key follow one another. */
  #take({ body }: ApiAnswer): void {
    const made: MadeKey = { id: String(body['id']), validity: new Validity(), isEnding: false };
    made.validity.open();
    const name = `${this.#tenant}#${made.id}#${this.#count}`;
    this.#known.set(name, String(body['key']));
    this.#keys.set(name, made);
  }

  /** When the last use ended that was possible then; undefined for what is no key of this ring. */
  endOf(name: string, span: Span): number | undefined {
    return this.#keys.get(name)?.validity.endBefore(span);
  }

  /** Whether nobody has tried to end it. */
  mustWork(name: string): boolean {
    return this.#keys.get(name)?.isEnding === false;
  }
}

/** The tenant's policy: whether the platform's key may serve it, changed through any replica. */
export class FallbackSwitch {
  readonly problems: string[] = [];
  readonly acknowledged: { readonly requestId: string; readonly action: string }[] = [];
  readonly validity = new Validity();
  readonly #path: string;
  #possible: readonly boolean[] = [true];
  #count = 0;

  constructor({ id }: Pick<TestTenant, 'id'>) {
    this.#path = `/api/v1/tenants/${id}/policy`;
    this.validity.open();
  }

  async change(api: Api): Promise<void> {
    this.#count += 1;
    const requestId = `policy.${this.#count}`;
    const platformFallback = this.#count % 2 === 0;
    if (platformFallback) this.validity.open();
    const answer = await api.call('PUT', this.#path, { platformFallback }, { 'x-request-id': requestId }).catch(() => undefined);
    if (answer?.status === 200) {
      this.#possible = [platformFallback];
      this.acknowledged.push({ requestId, action: 'policy.put' });
      if (!platformFallback) this.validity.close();
      return;
    }
    this.#possible = [true, false];
    if (answer !== undefined && answer.status !== 503) this.problems.push(`the policy could not be changed: ${answer.status} ${answer.text}`);
  }

  async look(api: Api): Promise<string> {
    const { body, status, text } = await api.call('GET', this.#path);
    if (!this.#possible.some((possible) => possible === body['platformFallback'])) this.problems.push(`the policy is ${status} ${text}; platformFallback may be ${this.#possible.join(' or ')}`);
    return `${status} ${String(body['platformFallback'])}`;
  }
}
