import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, apiOf, makeTenant, type TestTenant } from '../api.ts';
import { Acknowledgements } from '../crash/credential-slot.ts';
import { GatewayTraffic, type Kind, type Sent } from '../crash/gateway-traffic.ts';
import { seededRandom, type SeededRandom } from '../crash/seeded-random.ts';
import { auditLogProblems } from './audit-proof.ts';
import { BusHealth } from './bus-health.ts';
import { type Installation, makeInstallation } from './installation.ts';
import type { Replica } from './replica.ts';
import { jobProblems } from './job-holders.ts';
import { JobTrace } from './job-trace.ts';
import { faultsInOrder, ReplicaFaults } from './replica-faults.ts';
import { SharedCredential } from './shared-credential.ts';
import { FallbackSwitch, GatewayKeyRing } from './tenant-changes.ts';
import { ALWAYS, usageSumProblems } from './usage-proof.ts';

const OWN = ['openai', 'anthropic', 'groq', 'mistral'];
const FROM_PLATFORM = 'xai';
const PLATFORM_KEY = 'sk-test-platform-xai-0001';
const LOOPS = 3;
const kinds: readonly (readonly [Kind, number])[] = [['plain', 8], ['stream', 6], ['slow', 2], ['leaving', 1], ['failing', 1], ['cut', 1]];

/** A short run does less in the same time, and looks at fewer of the heads: what is asked of it takes most of what it costs. */
const SHORT = { pace: 3, heads: 2 };
const LONG = { pace: 1, heads: 5 };

/** What a request of ours may be refused with by Keyhold. */
const REFUSALS = new Set([401, 424, 429, 503, 504]);

export interface RandomRunOptions {
  readonly seed: string;
  readonly faults: number;
  readonly pauseMs: number;
  /** KEYHOLD_JOURNAL of all of them. */
  readonly journal: 'local' | 'synchronous';
  /** Everything that takes long: also waits until living replicas have every job, which takes a term after a death. */
  readonly isLong: boolean;
}

interface Where {
  readonly replica: Replica;
  readonly disk: number;
}

/** Four replicas under changes, requests and faults, and what must hold of it all. */
export class RandomRun {
  readonly problems: string[] = [];
  readonly #options: RandomRunOptions;
  readonly #installation: Installation;
  readonly #tenants: readonly TestTenant[];
  readonly #bus = new BusHealth();
  readonly #credentials: readonly SharedCredential[];
  readonly #keys: GatewayKeyRing;
  readonly #fallback: FallbackSwitch;
  readonly #traffic: GatewayTraffic;
  readonly #where = new Map<Sent, Where>();
  readonly #heads: string[] = [];
  readonly #jobs: JobTrace;
  readonly #over = new AbortController();

  static async begin(options: RandomRunOptions): Promise<RandomRun> {
    const installation = await makeInstallation([...OWN, FROM_PLATFORM], { KEYHOLD_JOURNAL: options.journal, KEYHOLD_LOG_LEVEL: 'debug' });
    const [first, ...others] = installation.replicas;
    const jobs = new JobTrace();
    for (const replica of installation.replicas) replica.listener = () => jobs.listener;
    try {
      await first?.start();
      await JobTrace.install(installation.database);
      await Promise.all(others.map((replica) => replica.start()));
      const product = { url: first?.url ?? '' };
      const tenants = [await makeTenant(product, 'acme'), await makeTenant(product, 'globex')];
      await apiOf(product.url).must('PUT', `/api/v1/platform/credentials/${FROM_PLATFORM}`, { fields: { api_key: PLATFORM_KEY }, offerTo: 'all' });
      return new RandomRun(options, installation, tenants, jobs);
    } catch (error) {
      await installation.close();
      throw error;
    }
  }

  private constructor(options: RandomRunOptions, installation: Installation, tenants: readonly TestTenant[], jobs: JobTrace) {
    this.#jobs = jobs;
    this.#options = options;
    this.#installation = installation;
    this.#tenants = tenants;
    const gatewayKeys = new Map(tenants.map(({ id, gatewayKey }) => [id, gatewayKey]));
    this.#credentials = OWN.map((service) => new SharedCredential('acme', service, seededRandom(options.seed, service)));
    this.#keys = new GatewayKeyRing('acme', seededRandom(options.seed, 'gateway keys'), gatewayKeys);
    this.#fallback = new FallbackSwitch({ id: 'globex' });
    this.#traffic = new GatewayTraffic(installation.provider, { next: () => performance.now() }, gatewayKeys, new Acknowledgements());
  }

  /** All of it, to the end. */
  async run(): Promise<void> {
    const { seed, faults, pauseMs } = this.#options;
    const random = seededRandom(seed, 'faults');
    const work = Promise.all([
      ...this.#credentials.map((credential) => this.#again(credential.service, (replica) => credential.change(() => this.#api(replica(), 'acme')), 120)),
      this.#again('keys', async (replica) => this.#keys.change(this.#api(replica(), 'acme')), 400),
      this.#again('fallback', async (replica) => this.#fallback.change(this.#api(replica(), 'globex')), 300),
      this.#again('reader', async (replica) => this.#read(replica()), 400),
      ...Array.from({ length: LOOPS }, (_, loop) => {
        const choices = seededRandom(seed, `requests ${loop}`);
        return this.#again(`loop ${loop}`, async (replica) => this.#request(replica(), choices), 40);
      }),
    ]);
    const happening = new ReplicaFaults(this.#installation, this.#bus, random, pauseMs);
    const failed = work.then(() => 'over' as const);
    for (const fault of faultsInOrder(random, faults)) {
      await sleep(300 + random.below(1_000));
      await Promise.race([happening.happen(fault), failed]);
    }
    await sleep(1_000);
    this.#over.abort();
    await work;
    const died = this.#installation.replicas.filter(({ hasDied }) => hasDied);
    for (const { name, output } of died) this.problems.push(`${name} has ended by itself: ${output.slice(-2_000)}`);
    if (died.length === 0) await this.#finish();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#installation.close();
  }

  /** For whoever has to find out what went wrong. */
  get outputs(): string {
    return this.#installation.replicas.map(({ name, output }) => `--- ${name}\n${output}`).join('\n');
  }

  get summary(): string {
    const ends = Object.fromEntries([...Map.groupBy(this.#traffic.sent, ({ end }) => end)].map(([end, sent]) => [end, sent.length]));
    return `seed ${this.#options.seed}: ${this.#options.faults} faults, ${this.#options.journal} journal, ${this.#acknowledged.length} acknowledged changes, requests ${JSON.stringify(ends)}`;
  }

  get #extent(): typeof SHORT {
    return this.#options.isLong ? LONG : SHORT;
  }

  get #acknowledged(): readonly { readonly requestId: string; readonly action: string }[] {
    return [...this.#credentials, this.#keys, this.#fallback].flatMap(({ acknowledged }) => acknowledged);
  }

  async #again(name: string, work: (replica: () => Replica) => Promise<void>, pauseMs: number): Promise<void> {
    const random = seededRandom(this.#options.seed, `${name}'s replicas`);
    const { replicas } = this.#installation;
    const replica = (): Replica => random.choose(replicas.map((candidate) => [candidate, 1]));
    while (!this.#over.signal.aborted) {
      await work(replica);
      await sleep(this.#extent.pace * random.below(pauseMs));
    }
  }

  async #request(replica: Replica, random: SeededRandom): Promise<void> {
    const tenant = random.choose([['acme', 12], ['globex', 4], ...this.#keys.names.map((name) => [name, 1] as const)]);
    const service = tenant === 'globex' ? FROM_PLATFORM : random.choose(OWN.map((own) => [own, 1] as const));
    await this.#ask(replica, { tenant, service }, random.choose(kinds));
  }

  async #ask(replica: Replica, place: Pick<Sent, 'tenant' | 'service'>, kind: Kind): Promise<Sent | undefined> {
    const { url, disk } = replica;
    if (url === undefined) return undefined;
    const sent = await this.#traffic.ask(url, place, kind, AbortSignal.timeout(this.#options.pauseMs + 120_000));
    this.#where.set(sent, { replica, disk });
    return sent;
  }

  /** What others read all the time: usage and the audit log, whose heads are kept. */
  async #read(replica: Replica): Promise<void> {
    const platform = this.#api(replica);
    const usage = await this.#api(replica, 'acme').call('GET', `/api/v1/tenants/acme/usage?${ALWAYS}`).catch(() => undefined);
    const head = await platform.call('GET', '/api/v1/audit/checkpoint').catch(() => undefined);
    const rows = await platform.call('GET', '/api/v1/audit?limit=20').catch(() => undefined);
    for (const answer of [usage, head, rows]) if (answer !== undefined && answer.status !== 200 && answer.status !== 503) this.problems.push(`a read was answered with ${answer.status} ${answer.text}`);
    if (head?.status === 200) this.#heads.push(head.text);
  }

  async #finish(): Promise<void> {
    const { replicas } = this.#installation;
    for (const credential of this.#credentials) {
      for (const replica of replicas) await this.#ask(replica, { tenant: 'acme', service: credential.service }, 'plain');
      const seen = new Set<string>();
      for (const replica of replicas) seen.add(await credential.look(this.#api(replica, 'acme')));
      if (seen.size > 1) this.problems.push(`replicas disagree about ${credential.service}: ${[...seen].join(' | ')}`);
    }
    for (const replica of replicas) await this.#fallback.look(this.#api(replica, 'globex'));
    this.problems.push(...this.#credentials.flatMap(({ problems }) => problems), ...this.#keys.problems, ...this.#fallback.problems, ...this.#traffic.sent.flatMap((sent) => this.#requestProblems(sent)));
    await this.#checkUsage();
    if (this.#options.isLong) this.problems.push(...(await jobProblems(this.#installation.database)));
    for (const replica of replicas) this.#heads.push((await this.#api(replica).must('GET', '/api/v1/audit/checkpoint')).text);
    for (const replica of replicas) {
      const exit = await replica.stop();
      if (exit?.code !== 0) this.problems.push(`${replica.name} ended with ${exit?.code ?? exit?.signal}`);
    }
    this.problems.push(...(await this.#jobs.problems(this.#installation.database)));
    const some = this.#heads.filter((_, index) => index % Math.ceil(this.#heads.length / (this.#extent.heads - 1)) === 0 || index === this.#heads.length - 1);
    if (replicas[0] !== undefined) this.problems.push(...(await auditLogProblems(replicas[0], some, this.#acknowledged)));
  }

  #requestProblems(sent: Sent): readonly string[] {
    const problems: string[] = [];
    const where = `through ${this.#where.get(sent)?.replica.name}: ${JSON.stringify(sent)}`;
    if (sent.end === 'refused' && !REFUSALS.has(sent.status ?? 0)) problems.push(`refused with ${sent.status}, ${where}`);
    if ((sent.status === 401 || sent.status === 429) && (this.#keys.mustWork(sent.tenant) || !sent.tenant.includes('#'))) problems.push(`its gateway key is in use and was refused, ${where}`);
    for (const { key } of this.#traffic.arrivals(sent)) {
      const end = sent.service === FROM_PLATFORM ? (key === PLATFORM_KEY ? this.#fallback.validity.endBefore(sent) : undefined) : this.#credentials.find(({ service }) => service === sent.service)?.keyEnd(key, sent);
      this.#late(sent, end, `served with ${key}`, where, problems);
      if (sent.tenant.includes('#')) this.#late(sent, this.#keys.endOf(sent.tenant, sent), 'served by its gateway key', where, problems);
    }
    return problems;
  }

  #late(sent: Sent, end: number | undefined, what: string, where: string, problems: string[]): void {
    if (end === undefined) problems.push(`${what}, which never could be, ${where}`);
    else if (sent.from - end > this.#bus.boundMs(end, sent.from, sent.stale)) problems.push(`${what} ${Math.round(sent.from - end)} ms after that had ended, ${where}`);
  }

  async #checkUsage(): Promise<void> {
    for (const { id } of this.#tenants) {
      const all = this.#traffic.sent.filter(({ tenant }) => tenant.split('#')[0] === id);
      this.problems.push(...(await usageSumProblems({ tenant: id, api: () => this.#api(this.#any, id), traffic: this.#traffic, all, kept: all.filter((sent) => this.#isKept(sent)) })));
    }
  }

  /** What was only on a disk that is gone is not promised. */
  #isKept(sent: Sent): boolean {
    const where = this.#where.get(sent);
    return this.#options.journal === 'synchronous' || where === undefined || where.disk === where.replica.disk;
  }

  get #any(): Replica {
    const [first] = this.#installation.replicas;
    if (first === undefined) throw new Error('There is no replica.');
    return first;
  }

  /** As the platform's administrator, or a tenant's. Between two lives of the replica every call fails. */
  #api({ url = 'http://127.0.0.1:9' }: Replica, tenant?: string): Api {
    return apiOf(url, this.#tenants.find(({ id }) => id === tenant)?.admin.token);
  }
}
