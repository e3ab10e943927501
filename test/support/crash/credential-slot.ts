import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Api } from '../api.ts';
import { actions, after, type Operation, possibleOperations, shownState, type Standing } from './credential-standing.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface Acknowledged {
  readonly requestId: string;
  readonly action: string;
}

/** While a request ran, in the order of `Sequence`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One order for everything that happens in a test. */
export class Sequence {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** Tells of each answer that promises something. */
export class Acknowledgements {
  #waiting = Promise.withResolvers<void>();

  /** Resolves at the next one. */
  async next(): Promise<void> {
    return this.#waiting.promise;
  }

  note(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }
}

/** One credential of one owner under one label, with the one writer that it has, and everything that may be true of it. */
export class CredentialSlot {
  readonly name: string;
  /** null: the platform's. */
  readonly tenant: string | null;
  readonly service: string;
  readonly label: string;
  readonly acknowledged: Acknowledged[] = [];
  readonly #sequence: Sequence;
  readonly #random: SeededRandom;
  readonly #acknowledgements: Acknowledgements;
  /** One; two after an operation that got no answer. */
  #possible: readonly Standing[] = [{ state: 'none', key: null, disabled: false }];
  /** When each key could have been served with. */
  readonly #spans: { readonly key: string; readonly from: number; to: number }[] = [];
  #operations = 0;
  #version = 0;

  constructor(place: { readonly tenant: string | null; readonly service: string; readonly label: string }, sequence: Sequence, random: SeededRandom, acknowledgements: Acknowledgements) {
    this.tenant = place.tenant;
    this.service = place.service;
    this.label = place.label;
    this.name = [place.tenant ?? 'platform', place.service, place.label].join('-');
    this.#sequence = sequence;
    this.#random = random;
    this.#acknowledgements = acknowledgements;
  }

  /** The only possible one. */
  get standing(): Standing {
    const [only, ...others] = this.#possible;
    if (only === undefined || others.length > 0) throw new Error(`It is not known how ${this.name} stands.`);
    return only;
  }

  /** Whether a request of that time may have been served with the key: it was the current one, or on its way to be. */
  mayServe(key: string | undefined, span: Span): boolean {
    return this.#spans.some((known) => known.key === key && known.from <= span.to && known.to >= span.from);
  }

  /** Writes one change after another until there is no answer. Throws when an answer is not what the contract says. */
  async writeUntilCut(api: Api, afterWrite: (slot: CredentialSlot) => Promise<void>): Promise<void> {
    for (;;) {
      if (!(await this.#write(api))) return;
      await afterWrite(this);
      await sleep(this.#random.below(25));
    }
  }

  /** After a restart: finds out how it stands, and throws when that is nothing it may be. */
  async settle(api: Api): Promise<void> {
    const { status, body, text } = await api.call('GET', this.#path(''));
    const found = status === 404 ? 'none' : status === 200 ? String(body['state']) : `${status} ${text}`;
    const hint = (body['hints'] as { readonly api_key?: string } | undefined)?.api_key;
    const left = this.#possible.filter((standing) => shownState(standing) === found && (standing.key === null || standing.key.slice(-4) === hint));
    if (left.length !== 1) throw new Error(`${this.name} is ${found} with the hint ${hint}; it should be ${JSON.stringify(this.#possible)}.`);
    if (found !== 'none' && Number(body['version']) < this.#version) throw new Error(`${this.name} has gone back from version ${this.#version} to ${String(body['version'])}.`);
    this.#possible = left;
    const { state, key, disabled } = this.standing;
    const served = state === 'active' && !disabled ? key : null;
    this.#close(served);
    if (served !== null) this.#open(served);
  }

  /** False when there was no answer. */
  async #write(api: Api): Promise<boolean> {
    const before = this.standing;
    const operation = this.#random.choose(possibleOperations[before.state]);
    this.#operations += 1;
    const requestId = `${this.name}.${this.#operations}`;
    const key = `sk-test-${this.name}-${String(this.#operations).padStart(4, '0')}`;
    const next = after(before, operation, key);
    this.#possible = isDeepStrictEqual(before, next) ? [next] : [before, next];
    if (next.state === 'active' && !next.disabled && next.key !== null) this.#open(next.key);
    const answer = await this.#send(api, operation, key, requestId).catch(() => undefined);
    if (answer === undefined) return false;
    const expected = operation === 'put' && before.state !== 'active' ? 201 : 200;
    if (answer.status !== expected) throw new Error(`${operation} of ${this.name}, which is ${before.state}: ${answer.status} ${answer.text}`);
    this.#possible = [next];
    this.#version = Math.max(this.#version, Number(answer.body['version']));
    this.#close(next.state === 'active' && !next.disabled ? next.key : null);
    this.acknowledged.push({ requestId, action: actions[operation] });
    this.#acknowledgements.note();
    return true;
  }

  #send(api: Api, operation: Operation, key: string, requestId: string): ReturnType<Api['call']> {
    const headers = { 'x-request-id': requestId };
    if (operation === 'put') return api.call('PUT', this.#path(''), { fields: { api_key: key } }, headers);
    if (operation === 'disable' || operation === 'enable') return api.call('PATCH', this.#path(''), { disabled: operation === 'disable' }, headers);
    if (operation === 'remove') return api.call('DELETE', this.#path(''), undefined, headers);
    return api.call('POST', this.#path(`/${operation}`), undefined, headers);
  }

  #path(operation: string): string {
    const owner = this.tenant === null ? 'platform' : `tenants/${this.tenant}`;
    return `/api/v1/${owner}/credentials/${this.service}${operation}?label=${this.label}`;
  }

  #open(key: string): void {
    if (this.#spans.some((span) => span.key === key && span.to === Infinity)) return;
    this.#spans.push({ key, from: this.#sequence.next(), to: Infinity });
  }

  /** From now on no key but this one may be served with. */
  #close(key: string | null): void {
    for (const span of this.#spans) if (span.to === Infinity && span.key !== key) span.to = this.#sequence.next();
  }
}
