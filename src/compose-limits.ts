import { LeaseTable } from './adapters/limit-leases/lease-table.ts';
import { createWorkerLeases } from './adapters/limit-leases/worker-leases.ts';
import type { RedisConnection } from './adapters/redis/redis-connection.ts';
import type { ReplicaBus } from './core/bus/replica-bus.ts';
import { LeaseWay } from './core/limits/lease-way.ts';
import { RateLedger } from './core/limits/rate-ledger.ts';
import { RateLimits, type RateLimitsDependencies } from './core/limits/rate-limits.ts';
import type { LimitLeases } from './ports/limit-leases.ts';
import type { Seat } from './workers/seat.ts';

export interface OpenRateLimitsOptions extends Omit<RateLimitsDependencies, 'ledger' | 'bus'> {
  readonly redis: RedisConnection | undefined;
  readonly seat: Seat | undefined;
  readonly bus: ReplicaBus;
  /** Names the installation in Redis. */
  readonly installation: string;
  /** This process's name, new at each start. */
  readonly replica: string;
}

/** Whom this process asks for its part of a limit: Redis where there is one, else the first process of this machine's workers, else itself. */
export async function openRateLimits({ redis, seat, installation, replica, ...rest }: OpenRateLimitsOptions): Promise<RateLimits> {
  const { bus, clock } = rest;
  const asking = seat?.of ?? 1;
  const way = new LeaseWay({ leases: await leasesOf(), clock, processes: () => ({ all: Math.max(bus.replicas, asking), asking }) });
  return new RateLimits({ ...rest, ledger: new RateLedger({ way, holder: replica }) });

  async function leasesOf(): Promise<LimitLeases> {
    if (redis !== undefined) {
      const { createRedisLeases } = await import('./adapters/limit-leases/redis-leases.ts');
      return createRedisLeases(redis, installation);
    }
    return seat === undefined ? new LeaseTable(clock) : createWorkerLeases((question) => seat.link.lease(question));
  }
}
