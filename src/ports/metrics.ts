import type { KeySource, UsageEvent } from './usage.ts';

export interface GatewayRequestMetric {
  readonly service: string;
  readonly route: string;
  readonly status: number;
  readonly outcome: UsageEvent['outcome'] | 'refused';
  readonly keySource: KeySource | 'none';
  readonly durationMs: number;
  readonly firstByteMs: number | null;
}

/** What is counted. Label values are closed sets or catalogue ids, never a tenant's or a caller's text (S35). */
export interface Metrics {
  gatewayRequest(metric: GatewayRequestMetric): void;
  /** Gateway requests that are under way now. */
  openRequests(count: number): void;
  controlRequest(metric: { readonly route: string; readonly method: string; readonly status: number; readonly durationMs: number }): void;
  storeRead(metric: { readonly store: string; readonly outcome: 'ok' | 'failed'; readonly durationMs: number }): void;
  cache(metric: { readonly cache: 'value' | 'record' | 'token' | 'shared'; readonly hit: boolean }): void;
  /** Values that wait in another store until this one can be reached (R3.5). */
  valuesWaiting(metric: { readonly store: string; readonly count: number }): void;
  /** A request was served with something that could not be read again from there, last confirmed so long ago. */
  servedStale(metric: { readonly source: string; readonly ageMs: number }): void;
  journalPending(entries: number): void;
  auditFailed(): void;
  /** A budget has reached this part of its amount, once over all replicas. */
  budgetAlert(metric: { readonly percent: number }): void;
  /** What happened to messages between replicas: `failed` was not taken, `gap` came after something that did not arrive, the last three were thrown away. */
  bus(metric: { readonly link: string; readonly event: 'sent' | 'failed' | 'received' | 'gap' | 'replayed' | 'forged' | 'unreadable' }): void;
  busConnected(metric: { readonly link: string; readonly connected: boolean }): void;
  /** From sending a message until this process, like every other one, receives it. */
  busDelivery(metric: { readonly link: string; readonly durationMs: number }): void;
  /** Prometheus text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}
