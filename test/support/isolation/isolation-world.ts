import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { EchoingUpstream } from './echoing-upstream.ts';
import { Judge } from './judge.ts';
import { type Asked, type Got, KeepingClient } from './keeping-client.ts';
import { marksIn, newMark, newSecret, secretsIn } from './marks.ts';
import { makeParty, Party } from './party.ts';
import { sameAsNothing } from './same-as-nothing.ts';
import { type Operation, operations } from './tenant-operations.ts';
import type { Draw } from './draws.ts';
import { pick, tenantRoutes } from './tenant-requests.ts';
import type { TwoWorkers } from './two-workers.ts';

/** Tenants beside one another in one installation, those of runs before among them. */
export class IsolationWorld {
  readonly judge = new Judge(newMark());
  readonly #client = new KeepingClient();
  readonly #workers: TwoWorkers;
  readonly #upstream: EchoingUpstream;
  readonly #platform: string;
  readonly #parties: Party[] = [];
  readonly #operations: readonly Operation[];

  constructor(workers: TwoWorkers, upstream: EchoingUpstream, platformToken: string) {
    this.#workers = workers;
    this.#upstream = upstream;
    this.#platform = platformToken;
    const weighted = operations(upstream, (party) => this.#parties.filter((other) => other !== party));
    this.#operations = weighted.flatMap(([weight, operation]) => Array.from({ length: weight }, () => operation));
  }

  /** The platform has a key of its own, which serves tenants that have none. */
  async open(): Promise<void> {
    for (const service of ['openai', 'groq']) {
      await this.#must({ method: 'PUT', path: `/api/v1/platform/credentials/${service}`, body: { fields: { api_key: newSecret(this.judge.platformMark) }, offerTo: 'all' } });
    }
  }

  /** New tenants, each with prices of its own. */
  async tenants(count: number): Promise<readonly Party[]> {
    const made: Party[] = [];
    for (let index = 0; index < count; index += 1) {
      const party = new Party(this.#client, this.#workers.ports, this.judge);
      // Every other one is served by the platform's key where it has none.
      await makeParty(party, index % 2 === 0 ? ['openai', 'anthropic'] : ['anthropic'], (asked) => this.#must(asked));
      await this.#must({ method: 'PUT', path: `/api/v1/platform/tenants/${party.slug}/budgets`, body: { budgets: [{ amount: { requests: 1_000_000 }, per: 'total', hard: true }] } });
      await this.#must({ method: 'PUT', path: `${party.base}/prices`, body: { prices: [{ service: 'openai', model: `gpt-${party.mark}`, input: '1', output: '2' }] } });
      this.#parties.push(party);
      made.push(party);
    }
    return made;
  }

  async live(party: Party, count: number, draw: Draw): Promise<void> {
    for (let done = 0; done < count; done += 1) await pick(draw, this.#operations)(party, draw);
  }

  /** What is to be read of everything that happened, and the end of one of the tenants. */
  async atTheEnd(parties: readonly Party[], draw: Draw): Promise<void> {
    for (const party of parties) await this.#readsItsOwn(party);
    const [ended, bounded, free] = parties;
    if (ended === undefined || bounded === undefined || free === undefined) throw new Error('It takes three tenants.');
    for (const route of tenantRoutes.filter(({ url }) => /:id|audit\/proof/.test(url))) await sameAsNothing(bounded, free, route, draw, false, bounded.admin);
    await this.#limitsOf(bounded, free);
    await this.#endOf(ended);
    for (const message of this.#workers.told.splice(0)) {
      expect(secretsIn(message), message).toEqual([]);
      expect(marksIn(message).length, message).toBeLessThan(2);
    }
    for (const line of this.#workers.log.lines.splice(0)) {
      const text = JSON.stringify(line, (_, value: unknown) => (value instanceof Error ? inspect(value) : value));
      expect(secretsIn(text), text).toEqual([]);
      // An address of another is what this one has asked for.
      expect(marksIn(text).length, text).toBeLessThan(3);
    }
    const metrics = await this.#ask({ method: 'GET', path: '/metrics' });
    expect([metrics.status, marksIn(metrics.text)]).toEqual([200, []]);
  }

  close(): void {
    this.#client.close();
  }

  /** Every page of its lists; what was used is what it has used, and nobody else. */
  async #readsItsOwn(party: Party): Promise<void> {
    for (const list of ['audit', 'audit/entries', 'tokens', 'roles', 'users', 'gateway-keys', 'credentials']) await this.#pages(party, list);
    const events = await this.#pages(party, 'usage/events');
    const sums = await party.ask(0, { method: 'GET', path: `${party.base}/usage?groupBy=model&from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z`, token: party.admin });
    const { requests } = sums.json['totals'] as { readonly requests: number };
    expect([party.slug, requests]).toEqual([party.slug, events.length]);
    for (const event of events as readonly { readonly service: string; readonly model: string; readonly outputTokens: number; readonly unpriced: boolean }[]) {
      if (event.model === `gpt-${party.mark}` && event.service === 'openai' && event.outputTokens > 0) expect(event.unpriced).toBe(false);
    }
    const budgets = await party.ask(1, { method: 'GET', path: `${party.base}/budgets`, token: party.admin });
    const [spent] = (budgets.json['platformBudgets'] as readonly { readonly spent: { readonly requests: number } }[]).map((budget) => budget.spent.requests);
    expect(spent).toBeLessThanOrEqual(events.length);
    const served = this.#upstream.requests.filter(({ from }) => from === party.mark).length;
    expect(events.length).toBeGreaterThanOrEqual(Math.min(served, 1));
    expect(events.length).toBeLessThanOrEqual(party.used);
  }

  async #pages(party: Party, list: string): Promise<readonly unknown[]> {
    const items: unknown[] = [];
    for (let cursor = ''; ; ) {
      const got = await party.ask(items.length, { method: 'GET', path: `${party.base}/${list}?limit=50${cursor === '' ? '' : `&cursor=${cursor}`}`, token: party.admin });
      expect([list, got.status, got.status === 200 ? '' : got.text]).toEqual([list, 200, '']);
      items.push(...(got.json['items'] as readonly unknown[]));
      const { nextCursor } = got.json;
      if (typeof nextCursor !== 'string') return items;
      cursor = nextCursor;
    }
  }

  /** What one tenant may not go beyond is no matter of another. */
  async #limitsOf(bounded: Party, free: Party): Promise<void> {
    const once = async (party: Party, worker: number): Promise<number> => {
      const [text] = party.gatewayKeys.values();
      const got = await party.ask(worker, { method: 'POST', path: '/v1/chat/completions', token: text ?? '', headers: { 'x-keyhold-api-key': party.secret() }, body: { model: `gpt-${party.mark}`, messages: [{ role: 'user', content: party.mark }] } });
      return got.status;
    };
    for (const party of [bounded, free]) await party.ask(0, { method: 'PUT', path: `${party.base}/limits`, token: party.admin, body: { requests: [{ max: 1, per: 'day' }] } });
    await bounded.ask(1, { method: 'PUT', path: `${bounded.base}/budgets`, token: bounded.admin, body: { budgets: [{ amount: { requests: 1 }, per: 'total', hard: true }] } });
    expect([await once(bounded, 0), await once(bounded, 1), await once(bounded, 0)]).toContain(429);
    expect(await once(free, 1)).toBe(200);
  }

  /** S10: the end of a tenant is the end of its keys, and its name is never anybody's again. */
  async #endOf(party: Party): Promise<void> {
    const { base, slug } = party;
    await this.#must({ method: 'PATCH', path: base, body: { state: 'suspended' } });
    const used = this.#upstream.requests.length;
    for (const text of party.gatewayKeys.values()) {
      const got = await party.ask(1, { method: 'POST', path: '/v1/chat/completions', token: text, body: { model: `gpt-${party.mark}`, messages: [{ role: 'user', content: party.mark }] } });
      expect(got.status).toBeGreaterThanOrEqual(400);
    }
    expect(this.#upstream.requests.length).toBe(used);
    await this.#must({ method: 'DELETE', path: base });
    const again = await this.#ask({ method: 'POST', path: '/api/v1/tenants', body: { id: slug, name: 'Another of the same name' } });
    expect(again.status).toBe(409);
    party.isOpen = false;
  }

  async #must(asked: Omit<Asked, 'token'>): Promise<Got> {
    const got = await this.#ask(asked);
    if (got.status >= 300) throw new Error(`${asked.method} ${asked.path}: ${got.status} ${got.text}`);
    return got;
  }

  async #ask(asked: Omit<Asked, 'token'>): Promise<Got> {
    const got = await this.#client.ask(this.#workers.ports[0] ?? 0, { ...asked, token: this.#platform });
    expect(secretsIn(`${got.raw.join('\n')}${got.text}`)).toEqual([]);
    return got;
  }
}
