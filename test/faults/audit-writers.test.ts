import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { AuditHeads } from '../../src/core/audit/audit-heads.ts';
import { AuditProofs } from '../../src/core/audit/audit-proofs.ts';
import { exportLines } from '../../src/core/audit/export-lines.ts';
import { ExportVerifier } from '../../src/core/audit/export-verifier.ts';
import { LogTree } from '../../src/core/audit/log-tree.ts';
import { SigningKey } from '../../src/core/audit/notes/signing-key.ts';
import type { AuditRow } from '../../src/ports/metadata/audit.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { MemoryHeads } from '../support/audit-custody.ts';
import { expectTrees } from '../support/audit-world.ts';

const entry = fileURLToPath(new URL('../support/audit-writer-process.ts', import.meta.url));
/** Longer than one database waits for another's lock, so that the others have to do without it: the minute of a pause, scaled down. */
const PAUSE_MS = Number(process.env['KEYHOLD_TEST_PAUSE_MS'] ?? 7_000);

interface Writer {
  readonly name: string;
  readonly process: ChildProcess;
  readonly lines: Record<string, unknown>[];
  /** How many rows were acknowledged so far. */
  acknowledged(): number;
}

let folder: string;
let file: string;
let writers: Writer[];
const seed = randomBytes(32);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhold-writers-'));
  file = join(folder, 'keyhold.db');
  await (await openStore()).close();
  writers = await Promise.all(['a', 'b', 'c', 'd'].map(start));
});

afterEach(async () => {
  for (const { process: child } of writers) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function openStore(): Promise<MetadataStore> {
  return openSqliteStore({ file, clock: { now: () => Date.now(), monotonic: () => performance.now() } });
}

async function start(name: string): Promise<Writer> {
  const child = spawn(process.execPath, [entry, file, name, seed.toString('hex')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Record<string, unknown>[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((part) => JSON.parse(part) as Record<string, unknown>));
  });
  const writer = { name, process: child, lines, acknowledged: () => lines.filter((line) => 'intent' in line || 'outcome' in line).length };
  await until(() => writer.acknowledged() > 0);
  return writer;
}

async function until(what: () => boolean): Promise<void> {
  for (let round = 0; round < 1_200 && !what(); round += 1) await sleep(25);
  expect(what()).toBe(true);
}

async function end(...ending: readonly Writer[]): Promise<void> {
  for (const { process: child } of ending) child.kill('SIGTERM');
  for (const { process: child } of ending) if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

async function grown(...those: readonly Writer[]): Promise<void> {
  const before = those.map((writer) => writer.acknowledged());
  await until(() => those.every((writer, index) => writer.acknowledged() > (before[index] ?? 0) + 20));
}

/** One tree that every head which anybody has signed belongs to, every acknowledged row in it, once. */
async function expectOneLog(): Promise<void> {
  const store = await openStore();
  try {
    await expectTrees(store.audit);
    const size = await store.audit.size();
    const rows: AuditRow[] = [];
    while (rows.length < size) rows.push(...(await store.audit.read(null, rows.length, 1000)));
    const intents = new Set(rows.filter(({ phase }) => phase === 'intent').map(({ id }) => id));
    const outcomes = new Set(rows.filter(({ phase }) => phase === 'outcome').map(({ intentId }) => intentId));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(outcomes.size).toBe(rows.filter(({ phase }) => phase === 'outcome').length);
    for (const { name, lines } of writers) {
      // What an operation came to is owed while the log cannot be written, and dies with who owes it; its intent stands (S29).
      const wasKilled = !lines.some((line) => 'ended' in line);
      let owes = false;
      for (const { event, intent, outcome } of lines) {
        if (event === 'audit_unavailable' || event === 'audit_recovered') owes = event === 'audit_unavailable';
        if (typeof intent === 'string' && !intents.has(intent)) throw new Error(`${name} was told that the intent ${intent} stands, and it does not`);
        if (typeof outcome === 'string' && !outcomes.has(outcome) && !(wasKilled && owes)) throw new Error(`${name} was told that the outcome of ${outcome} stands, and it does not`);
      }
    }
    const key = SigningKey.fromSeed('keyhold/test', seed);
    const tree = new LogTree(store.audit);
    const proofs = new AuditProofs(store.audit, new AuditHeads({ repository: store.audit, tree, keys: { current: key, former: [] }, heads: new MemoryHeads() }));
    const heads = writers.flatMap(({ lines }) => lines.flatMap(({ head }) => (typeof head === 'string' ? [head] : [])));
    expect(heads.length).toBeGreaterThan(8);
    const verifier = new ExportVerifier([key.verifier], heads);
    const source = { head: async () => ({ checkpoint: (await proofs.head(null)).note, keyChanges: await proofs.keyChanges() }), entries: (from: number, limit: number) => proofs.entries(null, from, limit) };
    for await (const line of exportLines('log', source)) verifier.line(Buffer.from(line));
    expect(verifier.end(true)).toMatchObject({ state: 'proven', head: { size } });
  } finally {
    await store.close();
  }
}

describe('four processes that write one audit log (S30)', () => {
  it('make one tree without a fork or a lost row, also when one of them is killed again and again', async () => {
    const [first, ...others] = writers as [Writer, ...Writer[]];
    await grown(...writers);
    first.process.kill('SIGKILL');
    await once(first.process, 'close');
    for (const name of ['e', 'f']) {
      const next = await start(name);
      writers.push(next);
      await grown(next, ...others);
      next.process.kill('SIGKILL');
      await once(next.process, 'close');
    }
    await grown(...others);
    await end(...others);
    await expectOneLog();
  });

  it('make one tree without a fork or a lost row, also when one of them stands still for long and comes back', { timeout: PAUSE_MS + 120_000 }, async () => {
    const [first, ...others] = writers as [Writer, ...Writer[]];
    await grown(...writers);
    first.process.kill('SIGSTOP');
    await sleep(PAUSE_MS);
    first.process.kill('SIGCONT');
    await grown(first, ...others);
    await end(...writers);
    await expectOneLog();
    expect(writers.every(({ lines }) => lines.some((line) => 'ended' in line))).toBe(true);
  });
});
