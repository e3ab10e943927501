import type { ChangesFound, FeltOfKind } from './changes.ts';
import type { Latency } from './latency.ts';
import type { ManyCredentials } from './many-credentials.ts';
import type { Memory } from './memory.ts';
import type { OpenStreams } from './open-streams.ts';
import { peerNames } from './peers.ts';
import type { Spread } from './statistics.ts';
import type { Throughput } from './throughput.ts';
import type { WorkersFound } from './workers.ts';

/** What a whole run found; parts that were not asked for are left out. */
export interface Findings {
  readonly machine: Readonly<Record<string, string | number | boolean>>;
  readonly startedAt: string;
  json?: Throughput;
  burst?: Throughput;
  steps?: Throughput;
  latency?: Latency;
  memory?: Memory;
  openStreams?: OpenStreams;
  workers?: WorkersFound;
  credentials?: readonly ManyCredentials[];
  changes?: readonly ChangesFound[];
}

export function throughputText(title: string, found: Throughput): string {
  const rows = peerNames.map((name) => [
    name,
    spread(found.perSecond[name], 0),
    spread(found.processorMicroseconds[name], 1),
    spread(found.busy[name], 2),
  ]);
  return [
    table([[title, 'per second', 'processor, us each', 'core busy'], ...rows]),
    `Keyhold over bare ${spread(found.keyholdOver.bare, 2)} · over nginx ${spread(found.keyholdOver.nginx, 2)}`,
    `Keyhold answered ${found.answered}, metered ${found.metered}`,
  ].join('\n');
}

export function latencyText({ perSecond, p50, p99, keyholdOverNginx }: Latency): string {
  const rows = (['direct', ...peerNames] as const).map((name) => [name, spread(p50[name], 0), spread(p99[name], 0)]);
  return [
    table([[`JSON at ${perSecond} a second`, 'p50, us', 'p99, us'], ...rows]),
    `Keyhold over nginx: p50 ${spread(keyholdOverNginx.p50, 2)} · p99 ${spread(keyholdOverNginx.p99, 2)}`,
  ].join('\n');
}

export function memoryText({ resident, afterAFifth, atTheEnd }: Memory): string {
  return [
    table([['Keyhold, requests', 'MiB resident'], ...resident.map(({ requests, mebibytes }) => [String(requests), mebibytes.toFixed(1)])]),
    `At the end over after a fifth: ${(atTheEnd / afterAFifth).toFixed(2)}`,
  ].join('\n');
}

export function openStreamsText({ streams, kilobytesEach }: OpenStreams): string {
  return table([[`${streams} open streams`, 'KB each'], ...peerNames.map((name) => [name, kilobytesEach[name].toFixed(1)])]);
}

export function workersText({ perCoreSecond, processorMicroseconds, busierPart, twoOverOne }: WorkersFound): string {
  const rows = ([['two Keyholds apart', 'apart'], ['two workers', 'workers']] as const).map(([title, name]) => [title, spread(perCoreSecond[name], 0), spread(processorMicroseconds[name], 1)]);
  return [
    table([['With a core each', 'per second', 'processor, us each'], ...rows]),
    `Two workers over one ${spread(twoOverOne, 2)} · the busier one's part ${spread(busierPart, 2)}`,
  ].join('\n');
}

export function manyCredentialsText(found: readonly ManyCredentials[]): string {
  const rows = found.map(({ database, many, lookupMicroseconds, manyOverFew, startSeconds }) => [
    `${database}, ${many}`,
    spread(lookupMicroseconds.few, 0),
    spread(lookupMicroseconds.many, 0),
    spread(manyOverFew, 2),
    spread(startSeconds.few, 2),
    spread(startSeconds.many, 2),
  ]);
  return table([['Credentials', 'lookup of 1000, us', 'of all, us', 'over', 'start on 1000, s', 'on all, s'], ...rows]);
}

export function changesText(found: readonly ChangesFound[]): string {
  return found.map(({ carrier, changes, kinds, all, load: [before, after] }) => {
    const row = (name: string, { inForce, answered }: FeltOfKind): string[] => [name, ...[inForce.p50, inForce.p99, inForce.max, answered.p50, answered.p99, answered.max].map((ms) => ms.toFixed(1))];
    const head = [`Over ${carrier}, ${changes} of each, the last of four, ms`, 'in force p50', 'p99', 'max', 'first answer p50', 'p99', 'max'];
    return [table([head, ...Object.entries(kinds).map(([kind, felt]) => row(kind, felt)), row('all', all)]), `Load of the machine ${before.toFixed(2)} before, ${after.toFixed(2)} after`].join('\n');
  }).join('\n\n');
}

/** The median, with the smallest and largest in brackets. */
function spread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

/** Columns of equal width; the first is aligned left, figures right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   ')).join('\n');
}
