import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, apiOf, makeTenant } from '../support/api.ts';
import { Acknowledgements, CredentialSlot, Sequence } from '../support/crash/credential-slot.ts';
import { GatewayTraffic, type Sent, type UsageEvent, usageProblems } from '../support/crash/gateway-traffic.ts';
import { seededRandom } from '../support/crash/seeded-random.ts';
import { localServices } from '../support/local-services.ts';
import { type Product, startProduct, startTorn, temporaryFolder } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';
import { chainProblems, pendingIn, readStoredState, type StoredState } from '../support/stored-state.ts';

const KILLS = Number(process.env['KEYHOLD_TEST_KILLS'] ?? 20);
const SEED = process.env['KEYHOLD_TEST_SEED'] ?? randomBytes(4).toString('hex');
const SERVICES = ['openai', 'anthropic', 'groq', 'mistral', 'deepseek', 'xai'];
const TENANTS = ['acme', 'globex'];

/** Who writes at the same time: single credentials, two labels of one pool, and the platform's own. */
const PLACES = [
  { tenant: 'acme', service: 'openai', label: 'default' },
  { tenant: 'acme', service: 'anthropic', label: 'default' },
  { tenant: 'acme', service: 'groq', label: 'eu' },
  { tenant: 'acme', service: 'mistral', label: 'default' },
  { tenant: 'acme', service: 'mistral', label: 'eu' },
  { tenant: 'globex', service: 'openai', label: 'default' },
  { tenant: 'globex', service: 'deepseek', label: 'default' },
  { tenant: null, service: 'deepseek', label: 'default' },
  { tenant: null, service: 'xai', label: 'default' },
];

/** Where a tenant's requests can find a key: its own or the platform's. */
const SERVED = PLACES.map(({ tenant, service }) => ({ tenant: tenant ?? 'acme', service }));

const LOOPS = 6;

let provider: ProviderServer;
let dataDir: string;
let newest: Product | undefined;

beforeAll(async () => {
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
});

afterAll(async () => {
  await newest?.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe(`kill -9 at ${KILLS} random moments (KEYHOLD_TEST_SEED=${SEED})`, () => {
  it('loses no acknowledged write and no acknowledged request, counts nothing twice, and leaves nothing open', { timeout: 60_000 + KILLS * 15_000 }, async () => {
    const run = await CrashRun.begin();
    const moments = seededRandom(SEED, 'moments');
    for (let kill = 0; kill < KILLS; kill += 1) {
      if (moments.below(4) === 0) await run.tornStart(20 + moments.below(700));
      else await run.round(kill, moments.below(900), moments.below(2) === 0);
    }
    await run.finish();
  });
});

/** One data folder through all its processes. */
class CrashRun {
  readonly #sequence = new Sequence();
  readonly #acknowledgements = new Acknowledgements();
  readonly #slots: readonly CredentialSlot[];
  readonly #traffic: GatewayTraffic;
  readonly #tokens: ReadonlyMap<string, string>;

  static async begin(): Promise<CrashRun> {
    const product = await start();
    const tenants = [];
    for (const id of TENANTS) tenants.push(await makeTenant(product, id));
    expect(await product.kill()).toMatchObject({ signal: 'SIGKILL' });
    return new CrashRun(
      new Map(tenants.map(({ id, admin }) => [id, admin.token])),
      new Map(tenants.map(({ id, gatewayKey }) => [id, gatewayKey])),
    );
  }

  private constructor(tokens: ReadonlyMap<string, string>, gatewayKeys: ReadonlyMap<string, string>) {
    this.#tokens = tokens;
    this.#slots = PLACES.map((place) => new CredentialSlot(place, this.#sequence, seededRandom(SEED, Object.values(place).join('/')), this.#acknowledgements));
    this.#traffic = new GatewayTraffic(provider, this.#sequence, gatewayKeys, this.#acknowledgements);
  }

  /** A start that does not come to its end. */
  async tornStart(afterMs: number): Promise<void> {
    const { signal, output } = await startTorn(options(), afterMs);
    expect(signal, output).toBe('SIGKILL');
  }

  /** A start, what it shows, and then writes and requests until the kill: after that time, or when the next acknowledgement after it arrives. */
  async round(number: number, afterMs: number, atAcknowledgement: boolean): Promise<void> {
    const product = await start();
    await this.#check(product);
    const gone = new AbortController();
    const work = Promise.all([
      ...TENANTS.map((tenant) => this.#watchUsage(product, tenant)),
      ...this.#slots.map((slot) => slot.writeUntilCut(this.#api(product, slot.tenant), () => this.#useAtOnce(product, slot, gone.signal))),
      ...Array.from({ length: LOOPS }, (_, loop) => this.#traffic.askUntilCut(product.url, SERVED, seededRandom(SEED, `loop ${number}/${loop}`), gone.signal)),
    ]);
    await Promise.race([sleep(afterMs), work]);
    if (atAcknowledgement) await Promise.race([this.#acknowledgements.next(), sleep(1_000), work]);
    expect(await product.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    gone.abort();
    await work;
  }

  async finish(): Promise<void> {
    const product = await start();
    await this.#check(product);
    await this.#checkTotals(product);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    const state = readStoredState(dataDir);
    expect(pendingIn(state)).toEqual([]);
    expect(chainProblems(state)).toEqual([]);
    expect(this.#auditProblems(state)).toEqual([]);
    expect(await readdir(join(dataDir, 'data', 'journal'))).toEqual([]);
    const acknowledged = this.#slots.reduce((sum, slot) => sum + slot.acknowledged.length, 0);
    const ends = Object.fromEntries([...Map.groupBy(this.#traffic.sent, ({ end }) => end)].map(([end, sent]) => [end, sent.length]));
    console.log(`seed ${SEED}: ${KILLS} kills, ${acknowledged} acknowledged writes, requests ${JSON.stringify(ends)}, ${state.auditRows.length} audit rows`);
    // Or it would have shown nothing.
    expect(acknowledged).toBeGreaterThan(KILLS);
    expect(ends['answered']).toBeGreaterThan(KILLS);
  }

  /** What a start has to show: nothing open, every credential as acknowledged and served so, every request counted once. */
  async #check(product: Product): Promise<void> {
    expect(pendingIn(readStoredState(dataDir))).toEqual([]);
    await Promise.all(this.#slots.map((slot) => slot.settle(this.#api(product, slot.tenant))));
    const never = new AbortController().signal;
    for (const tenant of TENANTS) {
      for (const service of SERVICES) {
        const sent = await this.#traffic.ask(product.url, { tenant, service }, 'plain', never);
        expect({ tenant, service, key: this.#servedWith(sent) }).toEqual({ tenant, service, key: this.#chosen(tenant, service) });
      }
    }
    expect(this.#traffic.sent.flatMap((sent) => this.#keyProblem(sent) ?? [])).toEqual([]);
    for (const tenant of TENANTS) {
      const sent = this.#traffic.sent.filter((request) => request.tenant === tenant);
      expect(usageProblems(this.#traffic, sent, await this.#events(product, tenant))).toEqual([]);
    }
  }

  /** A change that was acknowledged holds for the next request. Two writers of one pool would be in each other's way. */
  async #useAtOnce({ url }: Product, slot: CredentialSlot, gone: AbortSignal): Promise<void> {
    const { tenant, service, standing } = slot;
    if (tenant === null || this.#slots.some((other) => other !== slot && other.service === service && (other.tenant === tenant || other.tenant === null))) return;
    const sent = await this.#traffic.ask(url, { tenant, service }, 'plain', gone);
    if (sent.end === 'unknown') return;
    const key = standing.state === 'active' && !standing.disabled ? standing.key : null;
    expect({ slot: slot.name, standing, status: sent.status, key: this.#servedWith(sent) }).toEqual({ slot: slot.name, standing, status: key === null ? 424 : 200, key });
  }

  /** What has been answered is in the sums (R0.2), which are delivered for it: so kills meet deliveries, too. */
  async #watchUsage(product: Product, tenant: string): Promise<void> {
    for (;;) {
      const counted = this.#traffic.sent.filter((sent) => sent.tenant === tenant && (sent.end === 'answered' || sent.end === 'failed')).length;
      const answer = await this.#api(product, tenant).call('GET', `/api/v1/tenants/${tenant}/usage`).catch(() => undefined);
      if (answer === undefined) return;
      expect(answer.status).toBe(200);
      expect((answer.body['totals'] as { readonly requests: number }).requests).toBeGreaterThanOrEqual(counted);
    }
  }

  /** The key that must serve, by R3.3: the tenant's pool, else the platform's; null where what is there cannot serve. */
  #chosen(tenant: string, service: string): string | null {
    for (const owner of [tenant, null]) {
      const pool = this.#slots.filter((slot) => slot.tenant === owner && slot.service === service);
      const present = pool.filter(({ standing: { state } }) => state === 'active' || state === 'revoked');
      const chosen = present.find(({ label }) => label === 'default') ?? present[0];
      if (chosen !== undefined) return chosen.standing.disabled ? null : chosen.standing.key;
    }
    return null;
  }

  #servedWith(sent: Sent): string | null {
    return this.#traffic.arrivals(sent)[0]?.key ?? null;
  }

  /** A key of somebody else, or one that had been out of use when the request began. */
  #keyProblem(sent: Sent): string | undefined {
    const key = this.#servedWith(sent);
    const owners = this.#slots.filter((slot) => slot.service === sent.service && (slot.tenant === sent.tenant || slot.tenant === null));
    return key === null || owners.some((slot) => slot.mayServe(key, sent)) ? undefined : `${JSON.stringify(sent)} was served with ${key}`;
  }

  async #events(product: Product, tenant: string): Promise<readonly UsageEvent[]> {
    const events: UsageEvent[] = [];
    let cursor = '';
    do {
      const { body } = await this.#api(product, tenant).must('GET', `/api/v1/tenants/${tenant}/usage/events?limit=1000${cursor}`);
      events.push(...(body['items'] as UsageEvent[]));
      cursor = typeof body['nextCursor'] === 'string' ? `&cursor=${body['nextCursor']}` : '';
    } while (cursor !== '');
    return events;
  }

  /** The sums are those of the events, and there are no others. */
  async #checkTotals(product: Product): Promise<void> {
    for (const tenant of TENANTS) {
      const events = await this.#events(product, tenant);
      const { body } = await this.#api(product, tenant).must('GET', `/api/v1/tenants/${tenant}/usage?groupBy=service,outcome`);
      const sums = (of: readonly UsageEvent[]) => ({
        requests: of.length,
        unpricedRequests: of.length,
        inputTokens: of.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
        outputTokens: of.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
      });
      expect(body['totals']).toMatchObject(sums(events));
      const groups = [...Map.groupBy(events, ({ service, outcome }) => `${service} ${outcome}`).values()].map((of) => ({ service: of[0]?.service, outcome: of[0]?.outcome, ...sums(of) }));
      expect(body['groups']).toHaveLength(groups.length);
      expect(body['groups']).toEqual(expect.arrayContaining(groups.map((group) => expect.objectContaining(group) as unknown)));
      const markers = new Set(this.#traffic.sent.filter((sent) => sent.tenant === tenant).map(({ marker }) => marker));
      expect(events.filter(({ endUser }) => endUser === null || !markers.has(endUser))).toEqual([]);
    }
  }

  /** Every acknowledged operation has its two rows, one of each; what a kill interrupted has one row of each at most. */
  #auditProblems({ auditRows }: StoredState): readonly string[] {
    const byRequest = Map.groupBy(auditRows, ({ requestId }) => requestId);
    const problems: string[] = [];
    const acknowledged = this.#slots.flatMap((slot) => slot.acknowledged);
    for (const { requestId, action } of acknowledged) {
      const rows = (byRequest.get(requestId) ?? []).map((row) => `${row.phase} ${row.action} ${row.outcome}`);
      if (rows.join(', ') !== `intent ${action} null, outcome ${action} ok`) problems.push(`${requestId}: ${action} has the rows ${JSON.stringify(rows)}`);
    }
    const known = new Set([...acknowledged.map(({ requestId }) => requestId), ...this.#traffic.sent.filter(({ end }) => end !== 'unknown').map(({ marker }) => marker)]);
    const answered = new Set(auditRows.filter(({ phase }) => phase === 'outcome').map(({ intentId }) => intentId));
    for (const row of auditRows) {
      if (row.phase === 'intent' && !answered.has(row.id) && row.requestId !== null && known.has(row.requestId)) problems.push(`${row.requestId}: ${row.action} has no outcome`);
    }
    return problems;
  }

  #api({ url }: Product, tenant: string | null): Api {
    return tenant === null ? apiOf(url) : apiOf(url, this.#tokens.get(tenant));
  }
}

function options(): { readonly dataDir: string; readonly env: Record<string, string> } {
  return { dataDir, env: localServices(provider, SERVICES) };
}

async function start(): Promise<Product> {
  newest = await startProduct(options());
  return newest;
}
