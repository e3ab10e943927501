import { type PeerName, peerNames, type Peers } from './peers.ts';
import { quantile, ratiosOf, type Spread, spreadOf } from './statistics.ts';
import { RawConnection, requestBytes } from './raw-client.ts';

const PER_SECOND = 500;

export interface LatencyPlan {
  readonly body: string;
  readonly rounds: number;
  readonly seconds: number;
}

type Through = PeerName | 'direct';

export interface Latency {
  readonly perSecond: number;
  /** Microseconds from a request's first byte to its answer's last; `direct` is the upstream without a gateway. */
  readonly p50: Readonly<Record<Through, Spread>>;
  readonly p99: Readonly<Record<Through, Spread>>;
  readonly keyholdOverNginx: { readonly p50: Spread; readonly p99: Spread };
}

/**
 * How long answers take at 500 requests a second. The load is open: requests go out when they are due, whether or not the ones
 * before are answered, so that a slow answer does not thin out the load that would have met it.
 */
export async function measureLatency(peers: Peers, { body, rounds, seconds }: LatencyPlan): Promise<Latency> {
  const through = [{ name: 'direct' as const, url: peers.upstream, key: 'none' }, ...peers.list];
  const p50: Record<Through, number[]> = { direct: [], nginx: [], bare: [], keyhold: [] };
  const p99: Record<Through, number[]> = { direct: [], nginx: [], bare: [], keyhold: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, url, key } of through) {
      const times = await timesOf(url, requestBytes(url, key, body), seconds);
      // The first round warms up.
      if (round === 0) continue;
      p50[name].push(quantile(times, 0.5));
      p99[name].push(quantile(times, 0.99));
    }
  }
  const all = ['direct', ...peerNames] as const;
  const spreads = (figures: Record<Through, number[]>): Record<Through, Spread> => Object.fromEntries(all.map((name) => [name, spreadOf(figures[name])])) as Record<Through, Spread>;
  return {
    perSecond: PER_SECOND,
    p50: spreads(p50),
    p99: spreads(p99),
    keyholdOverNginx: { p50: ratiosOf(p50.keyhold, p50.nginx), p99: ratiosOf(p99.keyhold, p99.nginx) },
  };
}

/** Microseconds of every request, ascending. */
function timesOf(url: string, request: Buffer, seconds: number): Promise<number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<number[]>();
  const total = PER_SECOND * seconds;
  const everyMs = 1_000 / PER_SECOND;
  const times: number[] = [];
  const idle: RawConnection[] = [];
  const all: RawConnection[] = [];
  const startedAt = performance.now();
  let sent = 0;
  const finish = (error?: Error): void => {
    for (const connection of all) connection.close();
    if (error === undefined) resolve(times.toSorted((a, b) => a - b));
    else reject(error);
  };
  const send = (): void => {
    let connection = idle.pop();
    if (connection === undefined) {
      connection = new RawConnection(url);
      all.push(connection);
    }
    const used = connection;
    const sentAt = performance.now();
    const answered = (status: number): void => {
      times.push((performance.now() - sentAt) * 1_000);
      idle.push(used);
      if (status !== 200) finish(new Error(`${url} answered ${status}.`));
      else if (times.length === total) finish();
    };
    used.send(request, answered, finish);
  };
  const tick = (): void => {
    while (sent < total && performance.now() - startedAt >= sent * everyMs) {
      sent += 1;
      send();
    }
    // One millisecond is the shortest time there is; what is due sooner goes out with it.
    if (sent < total) setTimeout(tick, Math.max(1, startedAt + sent * everyMs - performance.now()));
  };
  tick();
  return promise;
}
