import { Agent, request } from 'node:http';
import { type Api, apiOf, handOver, makeTenant, type TestTenant } from '../api.ts';
import { eventually } from '../eventually.ts';
import type { ProviderServer } from '../servers/provider-server.ts';
import { testAdminToken } from '../product.ts';

/** Longer than any record is believed: then it is not a matter of time any more. */
const NEVER_MS = 30_000;
const PATH = '/api/v1/tenants/changing';
/** What has no price is refused, so that a price is felt. */
const POLICY = { unpricedModels: 'refuse' };
const PRICES = ['openai', 'groq'].map((service) => ({ service, model: 'local', input: '1', output: '1' }));
const CREDENTIAL = `${PATH}/credentials/openai`;

export const changeKinds = ['replace', 'rotate', 'revoke', 'disable', 'policy'] as const;
export type ChangeKind = (typeof changeKinds)[number];
/** Of what may be used, and what it costs. */
export const amountKinds = ['price', 'limits', 'budgets'] as const;
type AnyKind = ChangeKind | (typeof amountKinds)[number];

/** What a replica does with a request: its status, and with which provider key it was served. */
interface Felt {
  readonly status: number;
  readonly servedWith: string | undefined;
}

/** One change: how it is made through a replica, from when on a request shows it, and how all is as before. */
interface Change {
  readonly service: 'openai' | 'groq';
  readonly make: (api: Api) => Promise<unknown>;
  readonly isFelt: (felt: Felt) => boolean;
  readonly undo: (api: Api) => Promise<unknown>;
}

/** How soon a replica went by a change; milliseconds from the change's answer. */
export interface FeltAfter {
  /** No request that was sent later was served as before. */
  readonly inForceMs: number;
  /** The first request that shows the change was answered: with a new key, after that was read from its store and the reading audited. */
  readonly answeredMs: number;
}

export interface FeltChangesOptions {
  readonly urls: readonly string[];
  /** Where all replicas send their requests for `openai` and `groq`. */
  readonly provider: Pick<ProviderServer, 'requests'>;
}

/**
 * Makes changes through replicas in turns, and measures how soon each of them goes by one, asked with gateway requests that follow one another on each replica.
 * All replicas have had the records in their caches until then.
 */
export class FeltChanges {
  readonly #options: FeltChangesOptions;
  readonly #tenant: TestTenant;
  #gatewayKey: string;
  #count = 0;

  /** Makes the tenant, and waits until every replica hears every other one. */
  static async begin(options: FeltChangesOptions): Promise<FeltChanges> {
    const [first = ''] = options.urls;
    const tenant = await makeTenant({ url: first }, 'changing');
    await apiOf(first).must('PUT', '/api/v1/platform/credentials/groq', { fields: { api_key: 'sk-test-of-the-platform-0001' } });
    await handOver(tenant, 'openai', keyOf(0));
    await apiOf(first).must('PUT', '/api/v1/prices', { prices: PRICES });
    await tenant.admin.must('PUT', `${PATH}/policy`, POLICY);
    for (const url of options.urls) {
      await eventually(async () => {
        const answer = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${testAdminToken}` } });
        return ((await answer.json()) as { readonly degraded: readonly string[] }).degraded.length === 0;
      }, () => `The bus was never whole at ${url}.`);
    }
    return new FeltChanges(options, tenant);
  }

  private constructor(options: FeltChangesOptions, tenant: TestTenant) {
    this.#options = options;
    this.#tenant = tenant;
    this.#gatewayKey = tenant.gatewayKey;
  }

  /** One change, as each replica went by it. Throws when one never does, or goes back to what was before. */
  async make(kind: AnyKind): Promise<readonly FeltAfter[]> {
    this.#count += 1;
    const { urls } = this.#options;
    const url = urls[this.#count % urls.length] ?? '';
    const through = apiOf(url, this.#tenant.admin.token);
    const { service, make, isFelt, undo } = this.#change(kind, url);
    const clients = urls.map((url, index) => new Client(url, addressOf(this.#count, index), this.#gatewayKey, this.#options.provider));
    try {
      await Promise.all(clients.map((client) => client.until(service, ({ status }) => status === 200)));
      await make(through);
      const madeAt = performance.now();
      const took = await Promise.all(clients.map((client) => client.until(service, isFelt)));
      for (const felt of await Promise.all(clients.map((client) => client.ask(service)))) {
        if (!isFelt(felt)) throw new Error(`After ${kind} a replica went back: ${JSON.stringify(felt)}`);
      }
      await undo(through);
      return took.map(({ sentAt, answeredAt }) => ({ inForceMs: sentAt - madeAt, answeredMs: answeredAt - madeAt }));
    } finally {
      for (const client of clients) client.close();
    }
  }

  #change(kind: AnyKind, url: string): Change {
    const next = keyOf(this.#count);
    const put = (api: Api): Promise<unknown> => api.must('PUT', CREDENTIAL, { fields: { api_key: next } });
    const nothing = async (): Promise<void> => undefined;
    const withoutKey = ({ status }: Felt): boolean => status === 424;
    const usedUp = ({ status }: Felt): boolean => status === 429;
    const ofPlatform = apiOf(url);
    switch (kind) {
      case 'replace':
        return { service: 'openai', make: put, isFelt: ({ servedWith }) => servedWith === next, undo: nothing };
      case 'rotate':
        return { service: 'openai', make: (api) => this.#rotate(api), isFelt: ({ status }) => status === 401, undo: nothing };
      case 'revoke':
        return { service: 'openai', make: (api) => api.must('POST', `${CREDENTIAL}/revoke`), isFelt: withoutKey, undo: put };
      case 'disable':
        return { service: 'openai', make: (api) => api.must('PATCH', CREDENTIAL, { disabled: true }), isFelt: withoutKey, undo: (api) => api.must('PATCH', CREDENTIAL, { disabled: false }) };
      case 'policy':
        return { service: 'groq', make: (api) => api.must('PUT', `${PATH}/policy`, { ...POLICY, platformFallback: false }), isFelt: withoutKey, undo: (api) => api.must('PUT', `${PATH}/policy`, POLICY) };
      case 'price':
        return { service: 'openai', make: () => ofPlatform.must('PUT', '/api/v1/prices', { prices: [] }), isFelt: ({ status }) => status === 403, undo: () => ofPlatform.must('PUT', '/api/v1/prices', { prices: PRICES }) };
      case 'limits':
        return { service: 'openai', make: (api) => api.must('PUT', `${PATH}/limits`, { requests: [{ max: 1, per: 'day' }] }), isFelt: usedUp, undo: (api) => api.must('PUT', `${PATH}/limits`, {}) };
      case 'budgets':
        return { service: 'openai', make: (api) => api.must('PUT', `${PATH}/budgets`, { budgets: [{ amount: { requests: 1 }, per: 'total', hard: true }] }), isFelt: usedUp, undo: (api) => api.must('PUT', `${PATH}/budgets`, { budgets: [] }) };
      default:
        return kind satisfies never;
    }
  }

  /** A new text for the gateway key: the old one, which these clients go on with, ends. */
  async #rotate(api: Api): Promise<void> {
    const { body } = await api.must('POST', `${PATH}/gateway-keys/${this.#tenant.gatewayKeyId}/rotate`);
    this.#gatewayKey = String(body['key']);
  }
}

/** Asks one replica over one connection. */
class Client {
  readonly #url: string;
  readonly #localAddress: string;
  readonly #agent: Agent;
  readonly #key: string;
  readonly #provider: FeltChangesOptions['provider'];
  #asked = 0;

  constructor(url: string, localAddress: string, key: string, provider: FeltChangesOptions['provider']) {
    this.#url = url;
    this.#localAddress = localAddress;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#key = key;
    this.#provider = provider;
  }

  /** When the first request was sent and answered whose answer is so, on this process's clock. */
  async until(service: Change['service'], isSo: (felt: Felt) => boolean): Promise<{ readonly sentAt: number; readonly answeredAt: number }> {
    const deadline = performance.now() + NEVER_MS;
    for (;;) {
      const sentAt = performance.now();
      const felt = await this.ask(service);
      const answeredAt = performance.now();
      if (isSo(felt)) return { sentAt, answeredAt };
      if (answeredAt > deadline) throw new Error(`Within ${NEVER_MS / 1_000} s ${this.#url} went on with ${JSON.stringify(felt)}.`);
    }
  }

  ask(service: Change['service']): Promise<Felt> {
    this.#asked += 1;
    const marker = `${this.#localAddress}-${this.#asked}`;
    const body = JSON.stringify({ model: `${service}/local`, messages: [{ role: 'user', content: 'Hello' }], user: marker });
    const { promise, resolve, reject } = Promise.withResolvers<Felt>();
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    request(`${this.#url}/v1/chat/completions`, { method: 'POST', agent: this.#agent, localAddress: this.#localAddress, headers }, (answer) => {
      answer.resume().once('error', reject).once('end', () => {
        const served = this.#provider.requests.findLast(({ body: received }) => received.includes(`"${marker}"`));
        resolve({ status: answer.statusCode ?? 0, servedWith: served?.key });
      });
    }).once('error', reject).end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function keyOf(count: number): string {
  return `sk-test-changing-${String(count).padStart(6, '0')}`;
}

/** Of this machine, another each time: an address that keeps asking with a key that has ended is kept out (R0.3). */
function addressOf(count: number, index: number): string {
  return `127.${1 + index}.${Math.floor(count / 250) % 250}.${1 + (count % 250)}`;
}
