import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import type { LimitsLayer, LimitsRepository } from '../../ports/metadata/limits.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import type { Admission, RateLedger } from './rate-ledger.ts';
import { type LimitRule, LimitRules } from './rules.ts';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

export interface RateLimitsDependencies {
  readonly limits: LimitsRepository;
  readonly ledger: RateLedger;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** What is about to be sent to a provider. */
export interface LimitedRequest {
  readonly tenant: string;
  readonly gatewayKey: GatewayKeyRecord | null;
  readonly service: string;
  /** As far as can be told before the call. */
  readonly tokens: number;
}

type Rules = LimitRules | 'none';

/** Whether a request is within all limits that hold for it: the tenant's own, the platform's for the tenant, and the gateway key's, each for all services and for one (R5.4). */
export class RateLimits {
  readonly #limits: LimitsRepository;
  readonly #ledger: RateLedger;
  readonly #layers: Readonly<Record<LimitsLayer, RecordCache<Rules>>>;
  readonly #ofKeys = new WeakMap<GatewayKeyRecord, LimitRules>();

  constructor({ limits, ledger, bus, clock, metrics, sources }: RateLimitsDependencies) {
    this.#limits = limits;
    this.#ledger = ledger;
    const cache = (): RecordCache<Rules> => new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase });
    this.#layers = { own: cache(), platform: cache() };
    bus.subscribe((message) => {
      if (message.topic === 'limits') this.#layers[message.layer].invalidate(message.tenant, message.version);
    });
  }

  /**
   * Takes the request's part of every limit; undefined where nothing limits it. Throws, or rejects with, `LimitReached`, and `unavailable` where nobody can tell what
   * the limits are. Waits for nothing where limits are known and a part of them is in hand.
   */
  admit(request: LimitedRequest): Soon<Admission | undefined> {
    const own = this.#rulesOf('own', request.tenant);
    const platform = this.#rulesOf('platform', request.tenant);
    if (own instanceof Promise || platform instanceof Promise) return Promise.all([own, platform]).then(([read, set]) => this.#admit(request, read, set));
    return this.#admit(request, own, platform);
  }

  #admit({ gatewayKey, service, tokens }: LimitedRequest, own: Rules, platform: Rules): Soon<Admission | undefined> {
    const limits = gatewayKey?.limits ?? null;
    if (own === 'none' && platform === 'none' && limits === null) return undefined;
    const rules: LimitRule[] = [];
    if (gatewayKey !== null && limits !== null) {
      const known = this.#ofKeys.get(gatewayKey) ?? new LimitRules(limits, `g/${gatewayKey.id}`, 'this gateway key');
      this.#ofKeys.set(gatewayKey, known);
      rules.push(...known.of(service));
    }
    if (own !== 'none') rules.push(...own.of(service));
    if (platform !== 'none') rules.push(...platform.of(service));
    return rules.length === 0 ? undefined : this.#ledger.admit(rules, tokens);
  }

  #rulesOf(layer: LimitsLayer, tenant: string): Soon<Rules> {
    return this.#layers[layer].get(tenant, async () => {
      const stored = await this.#limits.get({ tenant, layer });
      const rules = stored === undefined ? 'none' : new LimitRules(stored.record.limits, `t/${tenant}/${layer}`, layer === 'own' ? 'the tenant' : 'the platform');
      return { value: rules, version: stored?.revision ?? 0 };
    });
  }
}
