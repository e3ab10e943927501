import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyholdError } from '../../ports/errors.ts';
import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { FaultyDisk, Killed } from './faulty-disk.ts';
import { type FileJournal, openFileJournal } from './file-journal.ts';
import { sampleEnd, sampleStart } from './journal-samples.ts';

const folder = '/data/usage';

/** What the journal's users know, and what their database has received, over the lives of many processes. */
class Model {
  readonly disk = new FaultyDisk();
  readonly begun = new Map<string, UsageStart>();
  readonly tried = new Set<string>();
  readonly ended = new Map<string, UsageEvent>();
  readonly triedToEnd = new Set<string>();
  /** Batches are create-only by (journal, segment). */
  readonly delivered = new Map<string, string>();
  journal: FileJournal | undefined;
  #next = 0;

  async running(): Promise<FileJournal> {
    for (;;) {
      if (this.journal !== undefined && this.disk.killAfter !== -1) return this.journal;
      if (this.disk.killAfter === -1) this.disk.revive();
      this.journal = await openFileJournal({ folder, random: randomBytes, disk: this.disk }).catch(() => undefined);
      if (this.journal === undefined && this.disk.killAfter !== -1) {
        // The disk is too full or too broken to start: somebody makes it well.
        this.disk.capacity = null;
        this.disk.failingWrites = 0;
      }
    }
  }

  async begin(count: number): Promise<void> {
    const journal = await this.running();
    const starts = Array.from({ length: count }, () => sampleStart(`use_${(this.#next += 1)}`, { startedAt: 1_000 + this.#next }));
    await Promise.all(
      starts.map(async (start) => {
        this.tried.add(start.id);
        await journal.begin(start).then(() => this.begun.set(start.id, start), () => {});
      }),
    );
  }

  async end(picks: readonly number[]): Promise<void> {
    const journal = await this.running();
    const open = [...this.begun.values()].filter(({ id }) => !this.triedToEnd.has(id) && !this.isOfDeadProcess(id));
    const chosen = new Set(picks.flatMap((pick) => open[pick % Math.max(open.length, 1)] ?? []));
    const full = this.disk.failingWrites === 0;
    await Promise.all(
      [...chosen].map(async (start) => {
        const event = sampleEnd(start);
        this.triedToEnd.add(start.id);
        await journal.end(event).then(
          () => this.ended.set(start.id, event),
          // A full disk is no reason, only a broken one or death.
          () => expect(this.disk.killAfter === -1 || !full).toBe(true),
        );
      }),
    );
  }

  async deliver(count: number): Promise<void> {
    const journal = await this.running();
    try {
      for (const { journal: name, segment, events } of (await journal.seal()).slice(0, count)) {
        const key = `${name}/${segment}`;
        const text = JSON.stringify(events);
        expect(this.delivered.get(key) ?? text).toBe(text);
        this.delivered.set(key, text);
        await journal.discard({ journal: name, segment, events });
      }
    } catch (error) {
      const reason = error instanceof KeyholdError ? error.cause : error;
      if (!(reason instanceof Killed) && !(error instanceof KeyholdError && error.code === 'unavailable')) throw error;
    }
  }

  readonly #deadIds = new Set<string>();

  isOfDeadProcess(id: string): boolean {
    return this.#deadIds.has(id);
  }

  /** The process is gone: what is open in it now can only be found by its successor. */
  kill(): void {
    this.disk.killAfter = -1;
    this.noticeDeath();
  }

  noticeDeath(): void {
    if (this.disk.killAfter !== -1) return;
    for (const id of this.tried) this.#deadIds.add(id);
    this.journal = undefined;
  }

  async check(): Promise<void> {
    this.disk.capacity = null;
    this.disk.failingWrites = 0;
    this.disk.killAfter = null;
    for (let life = 0; life < 2; life += 1) {
      this.kill();
      const journal = await this.running();
      expect(journal.damaged()).toBe(0);
      await this.deliver(Infinity);
      expect(journal.pending()).toBe(0);
    }
    const events = [...this.delivered.values()].flatMap((text) => JSON.parse(text) as UsageEvent[]);
    const byId = Map.groupBy(events, ({ id }) => id);
    for (const [id, found] of byId) {
      expect(found, `${id} counted once`).toHaveLength(1);
      expect(this.tried.has(id)).toBe(true);
    }
    for (const [id, event] of this.ended) expect(byId.get(id)).toEqual([event]);
    for (const id of this.begun.keys()) {
      const found = byId.get(id)?.[0];
      expect(found, `${id} was acknowledged`).toBeDefined();
      if (!this.triedToEnd.has(id)) expect(found).toMatchObject({ outcome: 'aborted', estimated: true, inputTokens: 77, status: null });
    }
    for (const [id, [event]] of byId) if (!this.begun.has(id)) expect(event?.outcome).toBe('aborted');
    expect([...this.disk.files.keys()]).toEqual([]);
  }
}

type Command =
  | { readonly do: 'begin'; readonly count: number }
  | { readonly do: 'end'; readonly picks: readonly number[] }
  | { readonly do: 'deliver'; readonly count: number }
  | { readonly do: 'kill' }
  | { readonly do: 'kill-in'; readonly calls: number; readonly part: number }
  | { readonly do: 'fill-disk'; readonly left: number }
  | { readonly do: 'free-disk' }
  | { readonly do: 'break-disk'; readonly writes: number; readonly part: number };

const part = fc.double({ min: 0, max: 1, noNaN: true });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('begin'), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end'), picks: fc.array(fc.nat(50), { minLength: 1, maxLength: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill-in'), calls: fc.nat(12), part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill-disk'), left: fc.nat(3_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('free-disk') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('break-disk'), writes: fc.integer({ min: 1, max: 3 }), part }) },
);

async function run(commands: readonly Command[]): Promise<void> {
  const model = new Model();
  for (const one of commands) {
    switch (one.do) {
      case 'begin':
        await model.begin(one.count);
        break;
      case 'end':
        await model.end(one.picks);
        break;
      case 'deliver':
        await model.deliver(one.count);
        break;
      case 'kill':
        model.kill();
        break;
      case 'kill-in':
        model.disk.killAfter = one.calls;
        model.disk.part = one.part;
        break;
      case 'fill-disk':
        model.disk.capacity = model.disk.used + one.left;
        break;
      case 'free-disk':
        model.disk.capacity = null;
        break;
      case 'break-disk':
        model.disk.failingWrites = one.writes;
        model.disk.part = one.part;
        break;
    }
    model.noticeDeath();
  }
  await model.check();
}

describe('the usage journal and crashes (R5.3)', () => {
  it('delivers every acknowledged end once and every other acknowledged begin once as aborted, whatever happens', async () => {
    await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 40 }), run), { numRuns: Number(process.env['KEYHOLD_TEST_RUNS'] ?? 300) });
  });

  it('ends the same when it is killed at any step of a rotation, a delivery or a recovery', async () => {
    for (const partWritten of [0, 0.5, 1]) {
      for (let step = 0; step < 40; step += 1) {
        await run([
          { do: 'begin', count: 4 },
          { do: 'end', picks: [0] },
          { do: 'deliver', count: 1 },
          { do: 'begin', count: 2 },
          { do: 'end', picks: [1] },
          { do: 'kill' },
          { do: 'kill-in', calls: step, part: partWritten },
          { do: 'begin', count: 3 },
          { do: 'end', picks: [0, 1] },
          { do: 'deliver', count: 9 },
          { do: 'begin', count: 1 },
          { do: 'deliver', count: 9 },
        ]);
      }
    }
  });

  it('loses nothing that was acknowledged when a real process is killed with SIGKILL', async () => {
    const real = mkdtempSync(join(tmpdir(), 'keyhold-journal-'));
    try {
      const begun = new Set<string>();
      const ended = new Set<string>();
      const found = new Map<string, UsageEvent>();
      for (let life = 0; life < 6; life += 1) {
        const { begins, ends } = await killedProcess(real, life);
        for (const id of begins) begun.add(id);
        for (const id of ends) ended.add(id);
      }
      expect(readdirSync(real).every((name) => (statSync(join(real, name)).mode & 0o777) === 0o600)).toBe(true);
      const journal = await openFileJournal({ folder: real, random: randomBytes });
      expect(journal.damaged()).toBe(0);
      for (const segment of await journal.seal()) {
        for (const event of segment.events) {
          expect(found.has(event.id), `${event.id} counted once`).toBe(false);
          found.set(event.id, event);
        }
        await journal.discard(segment);
      }
      expect(ended.size).toBeGreaterThan(100);
      for (const id of ended) expect(found.get(id)?.outcome).toBe('completed');
      for (const id of begun) expect(found.has(id), `${id} was acknowledged`).toBe(true);
      await journal.close();
      expect(readdirSync(real)).toEqual([]);
    } finally {
      rmSync(real, { recursive: true, force: true });
    }
  });
});

/** Begins and ends requests as fast as it can, sealing now and then, and says on its standard output what was acknowledged. */
const program = `
  const [journalModule, samplesModule, folder, life] = process.argv.slice(1);
  const { openFileJournal } = await import(journalModule);
  const { sampleStart, sampleEnd } = await import(samplesModule);
  const { randomBytes } = await import('node:crypto');
  const { writeSync } = await import('node:fs');
  const journal = await openFileJournal({ folder, random: randomBytes });
  let number = 0;
  const request = async () => {
    for (;;) {
      const start = sampleStart('use_' + life + '_' + (number += 1));
      await journal.begin(start);
      writeSync(1, 'b ' + start.id + '\\n');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      await journal.end(sampleEnd(start));
      writeSync(1, 'e ' + start.id + '\\n');
    }
  };
  for (let i = 0; i < 40; i += 1) void request();
  setInterval(() => void journal.seal(), 15);
`;

async function killedProcess(real: string, life: number): Promise<{ begins: string[]; ends: string[] }> {
  const modules = ['./file-journal.ts', './journal-samples.ts'].map((name) => new URL(name, import.meta.url).href);
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, ...modules, real, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const first = output === '';
    output += text;
    if (first) setTimeout(() => child.kill('SIGKILL'), 50 + Math.random() * 250);
  });
  await new Promise((resolve) => child.on('close', resolve));
  const lines = output.split('\n').slice(0, -1);
  const ids = (mark: string): string[] => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  return { begins: ids('b '), ends: ids('e ') };
}
