import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../../ports/metrics.ts';
import { PlainCounts } from './plain-counts.ts';
import { PlainHistogram } from './plain-histogram.ts';
import type { MetricsSnapshot } from './summed-metrics.ts';

/** Seconds. The gateway itself takes well under a millisecond, providers take from tens of milliseconds to minutes. */
const GATEWAY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** Seconds. The control plane and the stores answer from a database or a vault. */
const STORE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Metrics in the Prometheus format, in a registry of their own (two of them in one process do not meet). Label values are
 * catalogue ids, route patterns and closed sets, never a tenant's or a caller's text (S35). `snapshot` is what `summedMetrics` adds up.
 */
export function createMetrics(): Metrics & { snapshot(): Promise<MetricsSnapshot> } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const requestLabels = ['service', 'route', 'status', 'outcome', 'key_source'];
  const gatewayRequests = new Counter({
    name: 'keyhold_gateway_requests_total',
    help: 'Gateway requests that ended, by how they ended and whose key served.',
    labelNames: requestLabels,
    registers,
  });
  const gatewayDuration = new PlainHistogram({
    name: 'keyhold_gateway_request_seconds',
    help: 'Time from a gateway request to the end of its answer.',
    labelNames: ['service', 'route', 'outcome'],
    buckets: GATEWAY_BUCKETS,
  });
  const gatewayFirstByte = new PlainHistogram({
    name: 'keyhold_gateway_first_byte_seconds',
    help: 'Time from a gateway request to the first byte of its answer.',
    labelNames: ['service', 'route'],
    buckets: GATEWAY_BUCKETS,
  });
  registry.registerMetric(gatewayDuration);
  registry.registerMetric(gatewayFirstByte);
  const gatewayOpen = new Gauge({ name: 'keyhold_gateway_open_requests', help: 'Gateway requests that are under way.', registers });
  const controlRequests = new Histogram({
    name: 'keyhold_http_request_seconds',
    help: 'Control plane requests.',
    labelNames: ['route', 'method', 'status'],
    buckets: STORE_BUCKETS,
    registers,
  });
  const storeReads = new Histogram({
    name: 'keyhold_store_read_seconds',
    help: 'Reads of a value from a secret store.',
    labelNames: ['store', 'outcome'],
    buckets: STORE_BUCKETS,
    registers,
  });
  const lookupLabels = ['cache', 'result'];
  const cacheLookups = new Counter({ name: 'keyhold_cache_lookups_total', help: 'Cache lookups.', labelNames: lookupLabels, registers });
  const valuesWaiting = new Gauge({ name: 'keyhold_values_waiting', help: 'Values in the encrypted database that move to this store as soon as it can be reached.', labelNames: ['store'], registers, aggregator: 'max' });
  const staleServed = new Counter({ name: 'keyhold_stale_requests_total', help: 'Requests that were served with what was last read from here, while it could not be read again.', labelNames: ['source'], registers });
  const staleAge = new Gauge({ name: 'keyhold_stale_age_seconds', help: 'Age of the oldest thing that served so since the last look; 0 where nothing did.', labelNames: ['source'], registers, aggregator: 'max' });
  const journalPending = new Gauge({ name: 'keyhold_usage_journal_pending', help: 'Usage entries that are written and not yet in the database.', registers });
  const budgetAlerts = new Counter({ name: 'keyhold_budget_alerts_total', help: 'Budgets that have reached this part of their amount.', labelNames: ['percent'], registers });
  const auditFailures = new Counter({ name: 'keyhold_audit_failures_total', help: 'Audit rows that could not be written; their operations were refused.', registers });

  const busMessages = new Counter({ name: 'keyhold_bus_messages_total', help: 'Messages between replicas, by what happened to them.', labelNames: ['link', 'event'], registers });
  const busConnected = new Gauge({ name: 'keyhold_bus_connected', help: 'Whether every replica is heard (1), or changes elsewhere may be noticed late (0).', labelNames: ['link'], registers });
  const busDelivery = new Histogram({
    name: 'keyhold_bus_delivery_seconds',
    help: 'Time from sending a message until it arrives, measured on this replica\'s own.',
    labelNames: ['link'],
    buckets: STORE_BUCKETS,
    registers,
  });

  let openNow = 0;
  const requestCounts = new PlainCounts(gatewayRequests, requestLabels);
  const lookupCounts = new PlainCounts(cacheLookups, lookupLabels);
  const lookups = new Map<string, Readonly<Record<'hits' | 'misses', { count: number }>>>();
  const oldestStale = new Map<string, number>();

  const bringUpToDate = (): void => {
    requestCounts.flush();
    lookupCounts.flush();
    gatewayOpen.set(openNow);
    for (const [source, ageMs] of oldestStale) {
      staleAge.set({ source }, ageMs / 1000);
      oldestStale.set(source, 0);
    }
  };

  return {
    gatewayRequest({ service, route, status, outcome, keySource, durationMs, firstByteMs }) {
      requestCounts.add([service, route, String(status), outcome, keySource]);
      gatewayDuration.add([service, route, outcome], durationMs / 1000);
      if (firstByteMs !== null) gatewayFirstByte.add([service, route], firstByteMs / 1000);
    },
    openRequests(count) {
      openNow = count;
    },
    controlRequest({ route, method, status, durationMs }) {
      controlRequests.observe({ route, method, status: String(status) }, durationMs / 1000);
    },
    storeRead({ store, outcome, durationMs }) {
      storeReads.observe({ store, outcome }, durationMs / 1000);
    },
    cache({ cache, hit }) {
      let counts = lookups.get(cache);
      if (counts === undefined) {
        counts = { hits: lookupCounts.of([cache, 'hit']), misses: lookupCounts.of([cache, 'miss']) };
        lookups.set(cache, counts);
      }
      (hit ? counts.hits : counts.misses).count += 1;
    },
    valuesWaiting({ store, count }) {
      valuesWaiting.set({ store }, count);
    },
    servedStale({ source, ageMs }) {
      staleServed.inc({ source });
      oldestStale.set(source, Math.max(ageMs, oldestStale.get(source) ?? 0));
    },
    journalPending(entries) {
      journalPending.set(entries);
    },
    budgetAlert({ percent }) {
      budgetAlerts.inc({ percent: String(percent) });
    },
    auditFailed() {
      auditFailures.inc();
    },
    bus(labels) {
      busMessages.inc(labels);
    },
    busConnected({ link, connected }) {
      busConnected.set({ link }, connected ? 1 : 0);
    },
    busDelivery({ link, durationMs }) {
      busDelivery.observe({ link }, durationMs / 1000);
    },
    async render() {
      bringUpToDate();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    async snapshot() {
      bringUpToDate();
      return registry.getMetricsAsJSON();
    },
  };
}
