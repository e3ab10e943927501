import { AggregatorRegistry } from 'prom-client';

/** What one process has counted, as it tells others. */
export type MetricsSnapshot = readonly object[];

function isSnapshot(value: unknown): value is MetricsSnapshot {
  return Array.isArray(value) && value.every((metric) => typeof metric === 'object' && metric !== null);
}

/** Prometheus text of what several processes have counted: sums, or what each metric says of itself (its `aggregator`). */
export async function summedMetrics(snapshots: readonly unknown[]): Promise<{ readonly contentType: string; readonly body: string }> {
  const registry = AggregatorRegistry.aggregate(snapshots.filter(isSnapshot).map((snapshot) => [...snapshot]));
  return { contentType: registry.contentType, body: await registry.metrics() };
}

/**
 * What processes that are gone had counted, with one more: counters and histograms alone, since nothing of a gone process is so now. Without them sums
 * would become smaller, which Prometheus takes for a start from nothing.
 */
export function addDepartedMetrics(departed: unknown, last: unknown): unknown {
  const counted = isSnapshot(last) ? last.filter((metric) => 'type' in metric && (metric.type === 'counter' || metric.type === 'histogram')) : [];
  const known = isSnapshot(departed) ? departed : [];
  const registry = AggregatorRegistry.aggregate([[...known], [...counted]]);
  // What they are made of, without the functions around it: they are handed on as JSON.
  return registry.getMetricsAsArray().map((metric) => ({ ...metric, get: undefined }));
}
