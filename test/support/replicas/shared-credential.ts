import { isDeepStrictEqual } from 'node:util';
import type { Api, ApiAnswer } from '../api.ts';
import type { Acknowledged, Span } from '../crash/credential-slot.ts';
import { actions, after, type Operation, possibleOperations, shownState, type Standing } from '../crash/credential-standing.ts';
import type { SeededRandom } from '../crash/seeded-random.ts';
import { Validity } from './validity.ts';

/** What a change may be answered with besides success, while replicas die and servers are cut off. */
const UNDECIDED = new Set([503, 504]);
const REFUSED = new Set([404, 409, 412]);
const NOTHING: Standing = { state: 'none', key: null, disabled: false };

/** One credential that is changed through any replica, by several at once, and everything that may be true of it. */
export class SharedCredential {
  readonly tenant: string;
  readonly service: string;
  readonly acknowledged: Acknowledged[] = [];
  readonly problems: string[] = [];
  readonly #random: SeededRandom;
  readonly #keys = new Map<string, Validity>();
  /** More than one after a change whose end is not known. */
  #possible: readonly Standing[] = [NOTHING];
  /** A writer that died may have left its change open: others get `conflict` until it is finished. */
  #mayBeOpen = false;
  #version = 0;
  #count = 0;

  constructor(tenant: string, service: string, random: SeededRandom) {
    this.tenant = tenant;
    this.service = service;
    this.#random = random;
  }

  /** The last moment at which the key could serve what was under way then; undefined: it never could. */
  keyEnd(key: string, span: Span): number | undefined {
    return this.#keys.get(key)?.endBefore(span);
  }

  /** One change, or several writers at once. `apis` gives the credential's tenant on any replica. */
  async change(apis: () => Api): Promise<void> {
    if (this.#random.below(4) === 0) await this.#contend(apis);
    else await this.#single(apis());
  }

  /** Compares what a replica shows with what may be. */
  async look(api: Api): Promise<string> {
    const { status, body, text } = await api.call('GET', this.#path(''));
    const found = status === 404 ? 'none' : status === 200 ? String(body['state']) : `${status} ${text}`;
    const hint = (body['hints'] as { readonly api_key?: string } | undefined)?.api_key;
    const fits = this.#possible.some((standing) => shownState(standing) === found && (standing.key === null || standing.key.slice(-4) === hint));
    if (!fits) this.problems.push(`${this.#path('')} is ${found} with the hint ${hint}; it may be ${JSON.stringify(this.#possible)}`);
    if (status === 200 && Number(body['version']) < this.#version) this.problems.push(`${this.#path('')} has gone back from version ${this.#version} to ${String(body['version'])}`);
    return `${found} ${hint ?? ''} ${String(body['version'])}`;
  }

  async #single(api: Api): Promise<void> {
    const before = this.#possible;
    const operation = this.#random.choose(possibleOperations[(before.at(-1) ?? NOTHING).state]);
    const { key, requestId } = this.#next();
    const fitting = before.filter(({ state }) => possibleOperations[state].some(([possible]) => possible === operation));
    const results = fitting.map((standing) => after(standing, operation, key));
    this.#open(results);
    const answer = await this.#send(api, operation, key, requestId);
    if (answer === undefined || UNDECIDED.has(answer.status)) {
      this.#mayBeOpen = true;
      this.#become([...before, ...results]);
    } else if (answer.status < 300) {
      const accepted = operation === 'put' ? results.filter((_, index) => answer.status === (fitting[index]?.state === 'active' ? 200 : 201)) : results;
      if (accepted.length === 0) this.#say(operation, answer);
      this.#acknowledge(operation, requestId, answer);
      this.#become(accepted);
    } else {
      const isExplained = REFUSED.has(answer.status) && (this.#mayBeOpen || before.length > 1);
      if (!isExplained) this.#say(operation, answer);
      if (operation === 'put') this.#keys.get(key)?.withdraw();
      this.#become(before);
    }
  }

  /** With `If-Match` exactly one of them wins; without it a later one may replace one that has finished. */
  async #contend(apis: () => Api): Promise<void> {
    const before = this.#possible;
    const { headers } = await apis().call('GET', this.#path('')).catch(() => ({ headers: new Headers() }));
    const etag = this.#random.below(2) === 0 ? headers.get('etag') : null;
    const writers = Array.from({ length: 2 + this.#random.below(3) }, () => ({ ...this.#next(), api: apis() }));
    const standings = (key: string): Standing[] => before.map((standing) => after(standing, 'put', key));
    for (const { key } of writers) this.#open(standings(key));
    const ends = await Promise.all(writers.map(async (writer) => ({ ...writer, answer: await this.#send(writer.api, 'put', writer.key, writer.requestId, etag === null ? {} : { 'if-match': etag }) })));
    const won = ends.flatMap(({ answer, ...end }) => (answer !== undefined && answer.status < 300 ? { ...end, answer, version: Number(answer.body['version']) } : [])).toSorted((one, other) => one.version - other.version);
    const unknown = ends.filter(({ answer }) => answer === undefined || UNDECIDED.has(answer.status));
    for (const { key, answer } of ends) {
      if (answer === undefined || answer.status < 300 || UNDECIDED.has(answer.status)) continue;
      if (!REFUSED.has(answer.status)) this.#say('put', answer);
      this.#keys.get(key)?.withdraw();
    }
    if (etag !== null && won.length > 1) this.problems.push(`${won.length} writers with one etag won on ${this.#path('')}`);
    if (won.length === 0 && unknown.length === 0 && !this.#mayBeOpen) this.problems.push(`of ${writers.length} writers of ${this.#path('')} none won: ${ends.map(({ answer }) => `${answer?.status} ${answer?.text}`).join(', ')}`);
    if (new Set(won.map(({ version }) => version)).size !== won.length) this.problems.push(`two writers of ${this.#path('')} got one version`);
    if (unknown.length > 0) this.#mayBeOpen = true;
    for (const { requestId, answer } of won) this.#acknowledge('put', requestId, answer);
    const last = won.at(-1);
    this.#become([...(last === undefined ? before : standings(last.key)), ...unknown.flatMap(({ key }) => standings(key))]);
  }

  #acknowledge(operation: Operation, requestId: string, { body }: ApiAnswer): void {
    const version = Number(body['version']);
    if (version < this.#version) this.problems.push(`${operation} of ${this.#path('')} made version ${version} after ${this.#version}`);
    this.#version = Math.max(this.#version, version);
    // Nobody's change was open when this one began, and this one is finished.
    if (operation === 'put') this.#mayBeOpen = false;
    this.acknowledged.push({ requestId, action: actions[operation] });
  }

  /** From now on no other key may be served with than these may. */
  #become(possible: readonly Standing[]): void {
    this.#possible = possible.filter((standing, index) => possible.findIndex((other) => isDeepStrictEqual(standing, other)) === index);
    const serving = new Set(servingKeys(possible));
    for (const [key, validity] of this.#keys) if (!serving.has(key)) validity.close();
  }

  #open(results: readonly Standing[]): void {
    for (const key of servingKeys(results)) {
      const validity = this.#keys.get(key) ?? new Validity();
      this.#keys.set(key, validity);
      validity.open();
    }
  }

  #next(): { readonly key: string; readonly requestId: string } {
    this.#count += 1;
    const name = `${this.tenant}-${this.service}`;
    return { key: `sk-test-${name}-${String(this.#count).padStart(4, '0')}`, requestId: `${name}.${this.#count}` };
  }

  #say(operation: Operation, { status, text }: ApiAnswer): void {
    this.problems.push(`${operation} of ${this.#path('')}, which may be ${JSON.stringify(this.#possible)}: ${status} ${text}`);
  }

  /** undefined: no answer. */
  async #send(api: Api, operation: Operation, key: string, requestId: string, more: Readonly<Record<string, string>> = {}): Promise<ApiAnswer | undefined> {
    const headers = { 'x-request-id': requestId, ...more };
    const [method, path, body] =
      operation === 'put' ? ['PUT', '', { fields: { api_key: key } }] : operation === 'disable' || operation === 'enable' ? ['PATCH', '', { disabled: operation === 'disable' }] : operation === 'remove' ? ['DELETE', '', undefined] : ['POST', `/${operation}`, undefined];
    return api.call(method, this.#path(path), body, headers).catch(() => undefined);
  }

  #path(operation: string): string {
    return `/api/v1/tenants/${this.tenant}/credentials/${this.service}${operation}`;
  }
}

function servingKeys(standings: readonly Standing[]): readonly string[] {
  return standings.flatMap(({ state, disabled, key }) => (state === 'active' && !disabled && key !== null ? [key] : []));
}
