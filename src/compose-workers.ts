import { createInProcessBus, type InProcessBus } from './adapters/bus/in-process.ts';
import { createWorkersBus } from './adapters/bus/workers.ts';
import type { RootKeyMemory } from './adapters/key-wrapper/recalling-wrapper.ts';
import { createMetrics } from './adapters/metrics/prometheus.ts';
import { summedMetrics } from './adapters/metrics/summed-metrics.ts';
import { UnknownKeys } from './core/access/unknown-keys.ts';
import { SharedUnknownKeys } from './core/access/shared-unknown-keys.ts';
import { bodyMemoryShare } from './gateway/body-memory.ts';
import type { GatewayDependencies } from './gateway/gateway-dependencies.ts';
import { OpenRequests } from './gateway/open-requests.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { Metrics } from './ports/metrics.ts';
import type { Seat } from './workers/seat.ts';
import { TenantsOpen } from './workers/tenants-open.ts';

/** What a process shares with the other workers of its data folder, where there are any. */
export interface SharedParts {
  /** Reaches all of them. */
  readonly bus: InProcessBus;
  /** Shown are those of all workers. */
  readonly metrics: Metrics;
  readonly unknownKeys: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  /** What the gateway counts and bounds. */
  readonly bounds: Pick<GatewayDependencies, 'openRequests' | 'limits'>;
  readonly rootKeys: RootKeyMemory | undefined;
  /** Workers that are missing: undefined where there is one process only. */
  readonly missing: (() => number) | undefined;
  /** All usage that any of them has written is in the database when it resolves. `own`: this process's. */
  readonly deliverAll: (own: () => Promise<void>) => () => Promise<void>;
  /** Before this process ends. */
  readonly leave: () => Promise<void>;
}

/** `seat`: undefined for a process that serves alone. */
export function shareParts(seat: Seat | undefined, { clock, log }: { readonly clock: Clock; readonly log: Log }): SharedParts {
  const metrics = createMetrics();
  const unknownKeys = new UnknownKeys(clock);
  if (seat === undefined) {
    return {
      bus: createInProcessBus(log),
      metrics,
      unknownKeys,
      bounds: {},
      rootKeys: undefined,
      missing: undefined,
      deliverAll: (own) => own,
      leave: async () => undefined,
    };
  }
  const { of, link } = seat;
  link.answers('metrics', async () => {
    const snapshot = await metrics.snapshot();
    // Also as what is known of this process should it die: what was shown once never shrinks.
    link.tellMetrics(snapshot);
    return snapshot;
  });
  const tenantsOpen = new TenantsOpen(seat.number, link.channel('open-requests'));
  const openRequests = new OpenRequests({ elsewhere: (tenant) => tenantsOpen.elsewhere(tenant) });
  tenantsOpen.tell(openRequests);
  return {
    bus: createWorkersBus(link.channel('bus'), clock, log),
    metrics: {
      ...metrics,
      render: async () => {
        const all = await link.ask('metrics');
        return all.length === 0 ? metrics.render() : summedMetrics(all);
      },
    },
    unknownKeys: new SharedUnknownKeys(unknownKeys, link.channel('unknown-key')),
    bounds: { openRequests, limits: bodyMemoryShare(of) },
    rootKeys: { known: seat.rootKey, remember: (known) => link.tellRootKey(known) },
    missing: () => Math.max(of - link.serving, 0),
    deliverAll: (own) => {
      link.answers('delivery', async () => {
        await own();
        return true;
      });
      return async () => {
        // Ours last: what it cannot deliver is to be told.
        await link.ask('delivery');
        await own();
      };
    },
    leave: async () => {
      tenantsOpen.stop();
      link.tellMetrics(await metrics.snapshot());
    },
  };
}
