import { writeFile } from 'node:fs/promises';
import { measureChanges } from './changes.ts';
import { measureLatency } from './latency.ts';
import { canPin, LOAD_CORE, machineFacts, pin } from './machine.ts';
import { measureManyCredentials } from './many-credentials.ts';
import { measureMemory } from './memory.ts';
import { measureOpenStreams } from './open-streams.ts';
import { type Options, readOptions, usage } from './options.ts';
import { chatRequest } from './payload.ts';
import { type Peers, startPeers, startUpstream } from './peers.ts';
import { changesText, type Findings, latencyText, manyCredentialsText, memoryText, openStreamsText, throughputText, workersText } from './report.ts';
import { measureThroughput, type ThroughputPlan } from './throughput.ts';
import { missingTools } from './tools.ts';
import { measureWorkers } from './workers.ts';

/*
 * Keyhold's speed beside nginx and beside a bare proxy, on one core, in one run, as ratios. docs/performance.md says what was found.
 */

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const missing = missingTools();
  if (missing !== undefined) {
    process.stderr.write(`${missing}\n`);
    return 3;
  }
  await measure(options);
  return 0;
}

async function measure(options: Options): Promise<void> {
  const findings: Findings = { machine: machineFacts(), startedAt: new Date().toISOString() };
  if (canPin()) pin(process.pid, LOAD_CORE);
  else say('Processes cannot be bound to cores here (two cores and taskset are needed), so the figures say less.');
  say(Object.entries(findings.machine).map(([name, value]) => `${name} ${value}`).join(' · '));
  if (asks(options, 'json', 'latency', 'memory')) await withPeers('json', options, (peers) => json(peers, options, findings));
  if (asks(options, 'burst', 'steps')) await withPeers('stream', options, (peers) => streams(peers, options, findings));
  // In fresh processes: one that has been under load has room in its heap that would hide what streams take.
  if (asks(options, 'open-streams')) await withPeers('stream', options, (peers) => openStreams(peers, options, findings));
  if (asks(options, 'workers')) await workers(options, findings);
  if (asks(options, 'credentials')) {
    findings.credentials = await measureManyCredentials({ many: options.quick ? 100_000 : 1_000_000, rounds: options.rounds }, say);
    say(manyCredentialsText(findings.credentials));
  }
  if (asks(options, 'changes')) {
    findings.changes = await measureChanges({ changes: options.quick ? 20 : 100 });
    say(changesText(findings.changes));
  }
  await writeFile(options.out, `${JSON.stringify(findings, null, 2)}\n`);
  say(`Figures: ${options.out}`);
}

async function json(peers: Peers, options: Options, findings: Findings): Promise<void> {
  const body = chatRequest('gpt-4o-mini', false);
  const { rounds, seconds, quick } = options;
  if (asks(options, 'json')) {
    findings.json = await measureThroughput(peers, throughputPlan(body, options));
    say(throughputText('JSON', findings.json));
  }
  if (asks(options, 'latency')) {
    findings.latency = await measureLatency(peers, { body, rounds, seconds });
    say(latencyText(findings.latency));
  }
  if (asks(options, 'memory')) {
    findings.memory = await measureMemory(peers, { body, requests: quick ? 50_000 : 500_000 });
    say(memoryText(findings.memory));
  }
}

async function streams(peers: Peers, options: Options, findings: Findings): Promise<void> {
  if (asks(options, 'burst')) {
    findings.burst = await measureThroughput(peers, throughputPlan(chatRequest('bench-burst', true), options));
    say(throughputText('Streams, each in one burst', findings.burst));
  }
  if (asks(options, 'steps')) {
    findings.steps = await measureThroughput(peers, throughputPlan(chatRequest('bench-steps', true), options));
    say(throughputText('Streams, event by event', findings.steps));
  }
}

async function openStreams(peers: Peers, { quick }: Options, findings: Findings): Promise<void> {
  findings.openStreams = await measureOpenStreams(peers, { streams: quick ? 100 : 1_000, seconds: quick ? 5 : 20 });
  say(openStreamsText(findings.openStreams));
}

async function workers(options: Options, findings: Findings): Promise<void> {
  const upstream = await startUpstream('json');
  try {
    findings.workers = await measureWorkers({ upstream: upstream.url, ...throughputPlan(chatRequest('gpt-4o-mini', false), options) });
    say(workersText(findings.workers));
  } finally {
    await upstream.close();
  }
}

function throughputPlan(body: string, { rounds, seconds, quick }: Options): ThroughputPlan {
  return { body, rounds, seconds, warmUpSeconds: quick ? 2 : 5 };
}

async function withPeers(kind: 'json' | 'stream', options: Options, then: (peers: Peers) => Promise<void>): Promise<void> {
  const peers = await startPeers(kind, options.profileTo);
  try {
    await then(peers);
  } finally {
    await peers.close();
  }
}

function asks(options: Options, ...parts: readonly Options['parts'][number][]): boolean {
  return parts.some((part) => options.parts.includes(part));
}

function say(text: string): void {
  process.stdout.write(`${text}\n\n`);
}
