import { type BenchKeyhold, startKeyhold } from './keyhold.ts';
import { familyOf, GATEWAY_CORE, pin, processorSeconds } from './machine.ts';
import { ratiosOf, type Spread, spreadOf } from './statistics.ts';
import { runWrk } from './wrk.ts';

/** For each process that serves. */
const CONNECTIONS = 64;

export interface WorkersPlan {
  readonly upstream: string;
  readonly body: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

interface Sample {
  readonly requests: number;
  /** Processor seconds of each process. */
  readonly each: readonly number[];
}

export interface WorkersFound {
  /** Requests for each second of the busiest process's processor time: what they would do in a second with a core each. */
  readonly perCoreSecond: { readonly apart: Spread; readonly workers: Spread };
  /** Microseconds of processor time a request, of all processes together. */
  readonly processorMicroseconds: { readonly apart: Spread; readonly workers: Spread };
  /** The busier worker's part of their processor time: 0.5 is a fair share. */
  readonly busierPart: Spread;
  /** Two workers over one, 2 being what two Keyholds do that have nothing in common. */
  readonly twoOverOne: Spread;
}

/**
 * What a second worker brings, where two cores are free for them. Here none is: load and upstream have the other. So both share one core, beside two
 * Keyholds that share it in the same way and have nothing in common, folder and database included: those do exactly twice what one does on a core
 * of its own. Counted is processor time, of the busiest, since with a core each it would be done last.
 */
export async function measureWorkers({ upstream, body, rounds, seconds, warmUpSeconds }: WorkersPlan): Promise<WorkersFound> {
  const started: BenchKeyhold[] = [];
  const start = async (workers: number): Promise<BenchKeyhold> => {
    const keyhold = await startKeyhold(upstream, undefined, workers);
    started.push(keyhold);
    for (const pid of familyOf(keyhold.pid)) pin(pid, GATEWAY_CORE);
    return keyhold;
  };
  try {
    const apart = [await start(1), await start(1)];
    const workers = [await start(2)];
    const sample = (keyholds: readonly BenchKeyhold[], time: number): Promise<Sample> => sampled(keyholds, { body, connections: (CONNECTIONS * 2) / keyholds.length, seconds: time });
    for (const keyholds of [apart, workers]) await sample(keyholds, warmUpSeconds);
    const samples: { readonly apart: Sample[]; readonly workers: Sample[] } = { apart: [], workers: [] };
    for (let round = 0; round < rounds; round += 1) {
      samples.apart.push(await sample(apart, seconds));
      samples.workers.push(await sample(workers, seconds));
    }
    return figures(samples);
  } finally {
    for (const keyhold of started) await keyhold.close();
  }
}

function figures({ apart, workers }: { readonly apart: readonly Sample[]; readonly workers: readonly Sample[] }): WorkersFound {
  const perCoreSecond = { apart: apart.map(perBusiest), workers: workers.map(perBusiest) };
  return {
    perCoreSecond: { apart: spreadOf(perCoreSecond.apart), workers: spreadOf(perCoreSecond.workers) },
    processorMicroseconds: { apart: spreadOf(apart.map(microseconds)), workers: spreadOf(workers.map(microseconds)) },
    busierPart: spreadOf(workers.map(({ each }) => Math.max(...each) / total(each))),
    twoOverOne: ratiosOf(perCoreSecond.workers.map((figure) => figure * 2), perCoreSecond.apart),
  };
}

async function sampled(keyholds: readonly BenchKeyhold[], { body, connections, seconds }: { readonly body: string; readonly connections: number; readonly seconds: number }): Promise<Sample> {
  const pids = keyholds.flatMap(({ pid }) => familyOf(pid));
  const before = pids.map((pid) => processorSeconds([pid]));
  const loads = await Promise.all(keyholds.map(({ url, gatewayKey }) => runWrk({ url, key: gatewayKey, body, connections, seconds })));
  return { requests: total(loads.map(({ requests }) => requests)), each: pids.map((pid, index) => processorSeconds([pid]) - (before[index] ?? 0)) };
}

function perBusiest({ requests, each }: Sample): number {
  return requests / Math.max(...each);
}

function microseconds({ requests, each }: Sample): number {
  return (total(each) / requests) * 1e6;
}

function total(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0);
}
