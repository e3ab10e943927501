import type { Asked, Got, KeepingClient } from './keeping-client.ts';
import type { Judge } from './judge.ts';
import { newMark, newSecret } from './marks.ts';

/** The same in every tenant, so that a cache or a query that forgets the tenant finds another's. */
export const SHARED = { label: 'shared', role: 'shared-role', key: 'shared-idempotency-key', subject: 'shared-subject' } as const;
export const services = ['openai', 'groq', 'anthropic'] as const;

/** A tenant's administrator, others of it, and what is known of its things. */
export class Party {
  /** In every text that is this tenant's. */
  readonly mark = newMark();
  readonly slug = `tenant-${this.mark}`;
  readonly tokens: string[] = [];
  /** The administrator's, as in a browser. */
  readonly sessions: string[] = [];
  readonly gatewayKeys = new Map<string, string>();
  /** By the word that stands before the id in addresses. */
  readonly ids = new Map<string, Set<string>>();
  readonly labels = new Set<string>();
  readonly cursors = new Map<string, string>();
  readonly etags = new Set<string>(['"1"']);
  /** By service and label: the newest value. */
  readonly values = new Map<string, string>();
  /** Values that a request that begins now may be served with. */
  readonly usable = new Set<string>();
  /** Values that its requests brought along. */
  readonly brought = new Set<string>();
  /** Labels and ids of others that it has named in its own addresses, which its own audit log says back. */
  readonly named = new Set<string>();
  /** Idempotency keys that it has used. */
  readonly repeated = new Set<string>();
  /** What became of its credentials, for whoever reads a failure. */
  readonly history: string[] = [];
  isOpen = true;
  used = 0;

  readonly judge: Judge;
  readonly #client: KeepingClient;
  readonly #ports: readonly number[];

  constructor(client: KeepingClient, ports: readonly number[], judge: Judge) {
    this.judge = judge;
    this.#client = client;
    this.#ports = ports;
  }

  get admin(): string {
    return this.tokens[0] ?? '';
  }

  get ofSharedRole(): string {
    return this.tokens.at(-1) ?? '';
  }

  get base(): string {
    return `/api/v1/tenants/${this.slug}`;
  }

  /** Asks one of the workers, and has the answer judged. */
  async ask(worker: number, asked: Asked, foreign: readonly string[] = []): Promise<Got> {
    const got = await this.#client.ask(this.#ports[worker % this.#ports.length] ?? 0, asked);
    for (const name of foreign) if (asked.path.startsWith(`${this.base}/`)) this.named.add(name);
    this.judge.answer(this, asked, got, [...foreign, ...this.named]);
    this.#learn(asked, got);
    return got;
  }

  known(kind: string): readonly string[] {
    return [...(this.ids.get(kind) ?? [])];
  }

  secret(): string {
    return newSecret(this.mark);
  }

  /** What an answer tells that later requests can name, of this tenant or of another. */
  #learn({ path }: Asked, got: Got): void {
    if (got.status >= 300 || !path.startsWith(`${this.base}/`)) return;
    const kind = path.slice(this.base.length + 1).split(/[/?]/)[0] ?? '';
    const { items, nextCursor } = got.json;
    for (const item of Array.isArray(items) ? items : [got.json]) {
      const { id, name } = item as { readonly id?: unknown; readonly name?: unknown };
      const named = kind === 'roles' ? name : id;
      if (typeof named === 'string') this.ids.set(kind, (this.ids.get(kind) ?? new Set()).add(named));
    }
    if (typeof nextCursor === 'string') this.cursors.set(kind, nextCursor);
    const { etag } = got.headers;
    if (typeof etag === 'string') this.etags.add(etag);
  }
}

/** Makes a tenant with one of every kind of caller, and keys of its own for these services. */
export async function makeParty(party: Party, ownKeys: readonly string[], platform: (asked: Omit<Asked, 'token'>) => Promise<Got>): Promise<Party> {
  const { slug, mark, base } = party;
  await platform({ method: 'POST', path: '/api/v1/tenants', body: { id: slug, name: `Tenant ${mark}` } });
  const first = await platform({ method: 'POST', path: `${base}/tokens`, body: { name: `first ${mark}`, role: 'tenant-admin' } });
  party.tokens.push(String(first.json['token']));
  const made = async (path: string, body: object): Promise<Got> => {
    const got = await party.ask(0, { method: 'POST', path: `${base}/${path}`, token: party.admin, body });
    if (got.status !== 201) throw new Error(`${path}: ${got.status} ${got.text}`);
    return got;
  };
  await made('roles', { name: SHARED.role, description: `for ${mark}`, permissions: ['credential.read', 'usage.read', 'gateway-key.read'] });
  await made('roles', { name: `role-${mark}`, description: `for ${mark}`, permissions: ['audit.read', 'token.list'] });
  for (const role of ['tenant-member', 'tenant-auditor', SHARED.role]) party.tokens.push(String((await made('tokens', { name: `${role} of ${mark}`, role })).json['token']));
  await party.ask(0, { method: 'PUT', path: `${base}/policy`, token: party.admin, body: { defaultModels: { openai: `gpt-${mark}` } } });
  for (const services of [null, ['openai', 'groq', 'anthropic']]) {
    const key = await made('gateway-keys', { name: `key of ${mark}`, owner: `owner ${mark}`, tags: { team: mark }, services });
    party.gatewayKeys.set(String(key.json['id']), String(key.json['key']));
  }
  for (const service of ownKeys) {
    const value = party.secret();
    await party.ask(0, { method: 'PUT', path: `${base}/credentials/${service}`, token: party.admin, body: { fields: { api_key: value } } });
    party.values.set(`${service}|default`, value);
    party.usable.add(value);
  }
  const begun = await party.ask(1, { method: 'POST', path: '/api/v1/sign-in', token: null, body: { token: party.admin } });
  party.sessions.push(/=(kh_s_\w+);/.exec(begun.raw.join('\n'))?.[1] ?? '');
  await made('users', { issuer: 'https://login.example.com', subject: `${mark}@example.com`, name: `User ${mark}`, role: 'tenant-member' });
  await made('users', { issuer: 'https://login.example.com', subject: SHARED.subject, name: `Shared user as ${mark} says`, role: 'tenant-member' });
  return party;
}
