import cluster from 'node:cluster';
import { isatty } from 'node:tty';
import { systemClock } from '../adapters/clock/system-clock.ts';
import { LeaseTable } from '../adapters/limit-leases/lease-table.ts';
import { answerLease } from '../adapters/limit-leases/worker-leases.ts';
import { addDepartedMetrics } from '../adapters/metrics/summed-metrics.ts';
import { listeningText, reachableUrl } from '../command-line/first-steps.ts';
import { type StopRequests, stopRequests } from '../command-line/stop-requests.ts';
import type { Log } from '../ports/log.ts';
import type { ServeOptions } from '../serve.ts';
import { Fleet } from './fleet.ts';
import { Member } from './member.ts';
import { databasePlace } from './database-place.ts';

/**
 * Runs Keyhold in worker processes below this one until it is asked to stop, and gives the exit status. This one has the data folder, and serves nothing:
 * it starts workers, replaces those that die, and carries what they tell one another (docs/replicas.md). Throws `StartError`.
 */
export async function serveByWorkers({ config, log, terminal }: Pick<ServeOptions, 'config' | 'log' | 'terminal'>): Promise<number> {
  const { listen: { host }, workers: size, shutdownTimeoutMs, dataDir } = config;
  // All listen on one socket, and the system gives each connection to whoever is free (docs/decisions/0010-workers.md).
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ args: ['worker'] });
  const leases = new LeaseTable(systemClock);
  const fleet = new Fleet({
    size,
    shutdownTimeoutMs,
    log,
    monotonic: () => systemClock.monotonic(),
    start: (events) => new Member(cluster.fork(), events),
    beginning: { pid: process.pid, dataDir, database: databasePlace(config.database) },
    listens: (port) => log.info('listening', listeningText(host, port, config.tls !== null), { address: new URL(reachableUrl(host, port, config.tls !== null)).host }),
    answerLease: (question) => answerLease(leases, question),
    addMetrics: addDepartedMetrics,
  });
  // The terminal's end is a request to stop; without one, SIGHUP is how supervisors ask to start anew.
  const stop = stopRequests(process, () => systemClock.monotonic(), terminal.isTerminal || isatty(0) ? undefined : () => fleet.restart());
  void stopAsked(stop, fleet, log);
  return fleet.ended;
}

async function stopAsked({ first, second }: StopRequests, fleet: Fleet, log: Log): Promise<void> {
  const reason = await first;
  log.info('stopping', 'Keyhold is stopping; its workers finish what is under way', { name: reason });
  fleet.stop(reason);
  fleet.stopNow(await second);
}
