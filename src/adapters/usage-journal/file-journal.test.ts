import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { UsageEvent } from '../../ports/usage.ts';
import type { UsageJournal } from '../../ports/usage-journal.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { openFileJournal } from './file-journal.ts';
import { sampleEnd, sampleStart } from './journal-samples.ts';

const folder = '/data/usage';
const names = (disk: FaultyDisk): string[] => [...disk.files.keys()].map((path) => path.slice(folder.length + 1)).sort();

async function drain(journal: UsageJournal): Promise<UsageEvent[]> {
  const events: UsageEvent[] = [];
  for (const segment of await journal.seal()) {
    events.push(...segment.events);
    await journal.discard(segment);
  }
  return events;
}

function open(disk: FaultyDisk) {
  return openFileJournal({ folder, random: randomBytes, disk });
}

describe('the usage journal (R5.3)', () => {
  it('delivers what has ended, once, in the order of the ends', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const starts = ['use_1', 'use_2', 'use_3'].map((id) => sampleStart(id));
    await Promise.all(starts.map((start) => journal.begin(start)));
    expect(await journal.seal()).toEqual([]);
    for (const start of starts.toReversed()) await journal.end(sampleEnd(start));
    expect(journal.pending()).toBe(3);
    const segments = await journal.seal();
    expect(segments).toHaveLength(1);
    expect(segments[0]?.events).toEqual(starts.toReversed().map((start) => sampleEnd(start)));
    expect(await drain(journal)).toHaveLength(3);
    expect(journal.pending()).toBe(0);
    expect(await drain(journal)).toEqual([]);
    await journal.close();
    expect(names(disk)).toEqual([]);
  });

  it('R5.4: leaves a mark of what is leased under its name, which its successor finds when all of it is delivered', async () => {
    const disk = new FaultyDisk();
    const shares = [{ budget: 'own.tokens.day.hard', period: '2026-11-28', amount: 100, of: 1_000 }];
    const first = await open(disk);
    await first.hold();
    await first.begin(sampleStart('use_1', { shares }));
    const second = await open(disk);
    expect(second.over()).toEqual([]);
    expect(await drain(second)).toMatchObject([{ id: 'use_1', outcome: 'aborted', shares }]);
    const [ended] = second.over();
    expect(ended).toEqual({ journal: first.name, isWhole: true });
    // Not settled yet, and dead again: the next one finds it as well.
    const third = await open(disk);
    expect(third.over()).toEqual([ended]);
    if (ended !== undefined) await third.forget(ended);
    expect(third.over()).toEqual([]);
    expect(names(disk)).toEqual([]);
    await third.hold();
    await third.release();
    expect(names(disk)).toEqual([]);
  });

  it('R5.4: remembers that a marked journal could not be read, also when what showed it has been delivered', async () => {
    const disk = new FaultyDisk();
    const first = await open(disk);
    await first.hold();
    for (const id of ['use_1', 'use_2', 'use_3']) await first.begin(sampleStart(id));
    const [path, bytes] = [...disk.files].find(([name]) => name.endsWith('.jsonl')) ?? ['', Buffer.alloc(0)];
    disk.files.set(path, Buffer.from(bytes.toString().replace('"use_2"', '"use_2')));
    const second = await open(disk);
    expect(await drain(second)).toHaveLength(2);
    const third = await open(disk);
    expect(third.over()).toEqual([{ journal: first.name, isWhole: false }]);
  });

  it('writes the entries of one tick with one write', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    await journal.begin(sampleStart('use_0'));
    const before = disk.calls;
    await Promise.all(Array.from({ length: 100 }, (_, index) => journal.begin(sampleStart(`use_b${index}`))));
    expect(disk.calls - before).toBe(1);
  });

  it('has an entry with the operating system when its promise resolves, and not before', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const start = sampleStart('use_1');
    const begun = journal.begin(start);
    expect(disk.files.size).toBe(0);
    await begun;
    expect([...disk.files.values()][0]?.toString()).toMatch(/^\{"start":\{"id":"use_1".*\}\}\n\n+$/u);
    await journal.end(sampleEnd(start));
    expect([...disk.files.values()][0]?.toString()).toContain('\n{"end":{"id":"use_1"');
  });

  it('never holds a segment back for a request that goes on: its start is carried into the next one', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const long = sampleStart('use_long');
    const short = sampleStart('use_short');
    await Promise.all([journal.begin(long), journal.begin(short)]);
    await journal.end(sampleEnd(short));
    expect(await drain(journal)).toHaveLength(1);
    disk.revive();
    const successor = await open(disk);
    expect(await drain(successor)).toMatchObject([{ id: 'use_long', outcome: 'aborted', estimated: true }]);
  });

  it('closes what a dead process had open as aborted and estimated, under that journal\'s own name', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const first = sampleStart('use_1', { startedAt: 5_000, estimatedCost: 11_550 });
    const second = sampleStart('use_2', { startedAt: 7_000 });
    await journal.begin(first);
    await journal.begin(second);
    await journal.end(sampleEnd(second, { time: 9_000 }));
    const successor = await open(disk);
    const segments = await successor.seal();
    expect(segments.map(({ segment, events }) => [segment, events.length])).toEqual([[1, 1], [2, 1]]);
    expect(new Set(segments.map(({ journal }) => journal)).size).toBe(1);
    const { startedAt: _, estimatedInputTokens: __, estimatedCost: ___, ...common } = first;
    expect(segments[1]?.events).toEqual([
      { ...common, time: 9_000, status: null, outcome: 'aborted', attempts: 1, inputTokens: 77, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, estimated: true, latencyMs: 4_000, firstTokenMs: null, cost: { amount: '0.00001155', currency: 'USD' }, unpriced: false },
    ]);
    expect(await drain(successor)).toHaveLength(2);
    expect(names(disk)).toEqual([]);
  });

  it('takes segments back only in their order', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    for (const id of ['use_1', 'use_2']) {
      await journal.begin(sampleStart(id));
      await journal.end(sampleEnd(sampleStart(id)));
      await journal.seal();
    }
    const [first, second] = await journal.seal();
    await expect(journal.discard(second!)).rejects.toMatchObject({ code: 'internal' });
    await journal.discard(first!);
    await expect(journal.discard(first!)).rejects.toMatchObject({ code: 'internal' });
    await journal.discard(second!);
  });

  it('closes segments by itself as they grow, and reads them back from their files when they are many', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const ids = Array.from({ length: 24_000 }, (_, index) => `use_${index}`);
    for (let from = 0; from < ids.length; from += 1_000) {
      const starts = ids.slice(from, from + 1_000).map((id) => sampleStart(id));
      await Promise.all(starts.map((start) => journal.begin(start)));
      await Promise.all(starts.map((start) => journal.end(sampleEnd(start))));
    }
    const segments = await journal.seal();
    expect(segments.length).toBeGreaterThan(4);
    expect(Math.max(...[...disk.files.values()].map(({ length }) => length))).toBeLessThan(4 * 1024 * 1024);
    expect(journal.pending()).toBe(ids.length);
    expect(segments.flatMap(({ events }) => events).map(({ id }) => id)).toEqual(ids);
    expect(segments.at(-1)?.events[0]).toEqual(sampleEnd(sampleStart(segments.at(-1)!.events[0]!.id)));
  });

  it('refuses an end without a start, a second start or end, and everything after closing', async () => {
    const journal = await open(new FaultyDisk());
    const start = sampleStart('use_1');
    await expect(journal.end(sampleEnd(start))).rejects.toMatchObject({ code: 'internal' });
    await journal.begin(start);
    await expect(journal.begin(start)).rejects.toMatchObject({ code: 'internal' });
    const ended = journal.end(sampleEnd(start));
    await expect(journal.end(sampleEnd(start))).rejects.toMatchObject({ code: 'internal' });
    await ended;
    await journal.close();
    await journal.close();
    await expect(journal.begin(sampleStart('use_2'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('the usage journal on a bad disk (R5.3)', () => {
  it('refuses new requests when the disk is full, and still takes every end', async () => {
    const disk = new FaultyDisk();
    disk.capacity = 600_000;
    const journal = await open(disk);
    const begun: string[] = [];
    const refusals: unknown[] = [];
    while (refusals.length === 0) {
      const id = `use_${begun.length}`;
      await journal.begin(sampleStart(id)).then(() => begun.push(id), (error: unknown) => refusals.push(error));
    }
    expect(refusals[0]).toMatchObject({ code: 'unavailable', retryAfterSeconds: 5 });
    expect(begun.length).toBeGreaterThan(100);
    disk.capacity = 0;
    for (const id of begun) await journal.end(sampleEnd(sampleStart(id), { latencyMs: 123_456.789_012_3, cost: { amount: '123456.123456789', currency: 'USD' } }));
    disk.capacity = null;
    expect((await drain(journal)).map(({ id }) => id)).toEqual(begun);
    await journal.begin(sampleStart('use_after'));
  });

  it('has the room for every end also in the segments that come after, and goes on in the old one when there is none', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const starts = Array.from({ length: 600 }, (_, index) => sampleStart(`use_${index}`));
    await Promise.all(starts.map((start) => journal.begin(start)));
    await journal.end(sampleEnd(starts[0]!));
    expect(await drain(journal)).toHaveLength(1);
    disk.capacity = 0;
    await Promise.all(starts.slice(1, 300).map((start) => journal.end(sampleEnd(start))));
    await expect(journal.seal()).rejects.toMatchObject({ code: 'unavailable' });
    await Promise.all(starts.slice(300).map((start) => journal.end(sampleEnd(start))));
    expect(await drain(journal)).toHaveLength(599);
  });

  it('keeps an end that the disk refused, and writes it as soon as it can', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const start = sampleStart('use_1');
    await journal.begin(start);
    disk.part = 0.6;
    disk.failingWrites = 1;
    await expect(journal.end(sampleEnd(start))).rejects.toMatchObject({ code: 'unavailable' });
    expect(journal.pending()).toBe(1);
    expect(await drain(journal)).toEqual([sampleEnd(start)]);
  });

  it('leaves nothing of a failed write behind', async () => {
    for (const part of [0.1, 0.5, 0.9, 1]) {
      const disk = new FaultyDisk();
      const journal = await open(disk);
      const lasting = sampleStart('use_lasting');
      await journal.begin(lasting);
      disk.part = part;
      disk.failingWrites = 1;
      await Promise.allSettled(Array.from({ length: 20 }, (_, index) => journal.begin(sampleStart(`use_refused${index}`))));
      await journal.end(sampleEnd(lasting));
      const successor = await open(disk);
      expect(await drain(successor)).toEqual([sampleEnd(lasting)]);
      expect(successor.damaged()).toBe(0);
    }
  });

  it('lets no refused request appear in a closed segment', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const start = sampleStart('use_1');
    await journal.begin(start);
    await journal.end(sampleEnd(start));
    disk.part = 1;
    disk.failingWrites = 1;
    await expect(journal.begin(sampleStart('use_refused'))).rejects.toMatchObject({ code: 'unavailable' });
    disk.truncate = () => {
      throw new Error('EPERM');
    };
    await journal.seal();
    expect([...disk.files.values()].map(String).join('')).not.toContain('use_refused');
  });

  it('counts an end once that stands in a segment twice', async () => {
    const disk = new FaultyDisk();
    const line = (outputTokens: number): string => `${JSON.stringify({ end: sampleEnd(sampleStart('use_1'), { outputTokens }) })}\n`;
    disk.files.set(`${folder}/0123456789abcdef-0000000001.jsonl`, Buffer.from(line(1) + line(2)));
    expect(await drain(await open(disk))).toMatchObject([{ id: 'use_1', outputTokens: 1 }]);
  });

  it('starts over damaged lines, counts them, and loses nothing else', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    for (const id of ['use_1', 'use_2', 'use_3']) {
      await journal.begin(sampleStart(id));
      await journal.end(sampleEnd(sampleStart(id)));
    }
    const [[path, bytes]] = [...disk.files] as [[string, Buffer]];
    const text = bytes.toString();
    disk.files.set(path, Buffer.from(text.replace('{"end":{"id":"use_2"', '{"end":{"id"\u0007"use_2"')));
    const successor = await open(disk);
    expect(successor.damaged()).toBe(1);
    const events = await drain(successor);
    expect(events.map(({ id, outcome }) => [id, outcome])).toEqual([['use_1', 'completed'], ['use_3', 'completed'], ['use_2', 'aborted']]);
  });

  it('reads rubbish of any kind as damage', async () => {
    const disk = new FaultyDisk();
    const name = `${folder}/0123456789abcdef-0000000001.jsonl`;
    const end = JSON.stringify({ end: sampleEnd(sampleStart('use_1')) });
    disk.files.set(name, Buffer.concat([Buffer.from('{}\n[1]\nnull\n{"end":{"id":"use_9"}}\n"\n'), Buffer.from([0xff, 0xfe, 0x0a, 0x00, 0x0a]), Buffer.from(`${end}\n{"start":{"id":"use_torn","ten`)]));
    disk.files.set(`${folder}/notes.txt`, Buffer.from('not ours'));
    const journal = await open(disk);
    expect(journal.damaged()).toBe(7);
    expect((await drain(journal)).map(({ id }) => id)).toEqual(['use_1']);
    expect(names(disk)).toEqual(['notes.txt']);
  });

  it('tells a full disk from a folder that cannot be used when it is opened', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    await journal.begin(sampleStart('use_1'));
    disk.capacity = 0;
    await expect(open(disk)).rejects.toMatchObject({ name: 'StartError', exitCode: 8 });
    disk.capacity = null;
    disk.failingWrites = 1;
    await expect(open(disk)).rejects.toMatchObject({ name: 'StartError', exitCode: 4 });
    expect(await drain(await open(disk))).toMatchObject([{ id: 'use_1', outcome: 'aborted' }]);
  });
});

describe('texts in the usage journal (R5.3, S35)', () => {
  it('stay exactly as they are while they fit', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const start = sampleStart('use_1', { model: 'models/ö "quoted" \n 🔑', endUser: 'Zoë', tags: { 'a"b': 'c\\d', __proto__x: '1' } });
    await journal.begin(start);
    await journal.end(sampleEnd(start));
    const expected = sampleEnd(start);
    expect((await journal.seal())[0]?.events).toEqual([expected]);
    expect(await drain(await open(disk))).toEqual([expected]);
  });

  it('are cut so that an end always fits into its room, and cleaned of what a database refuses', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const huge = '\0\uD83D\u0001'.repeat(30_000);
    const start = sampleStart('use_1', { model: huge, endUser: huge, tags: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}${huge}`, huge])) });
    await journal.begin(start);
    await journal.end(sampleEnd(start));
    const small = sampleStart('use_2');
    await journal.begin(small);
    await journal.end(sampleEnd(small, { model: huge, endUser: huge, tags: start.tags, service: huge, route: huge }));
    const events = (await journal.seal())[0]?.events ?? [];
    for (const text of events.flatMap(({ model, endUser, tags }) => [model ?? '', endUser ?? '', ...Object.keys(tags), ...Object.values(tags)])) {
      expect(text).not.toContain('\0');
      expect(text.isWellFormed()).toBe(true);
    }
    const [file] = [...disk.files.values()];
    expect(Math.max(...file!.toString().split('\n').map((line) => Buffer.byteLength(line)))).toBeLessThan(4_096);
    expect(events.map(({ id, tenant }) => [id, tenant])).toEqual([['use_1', 'acme'], ['use_2', 'acme']]);
    expect(await drain(await open(disk))).toEqual(events);
  });

  it('take counts that are none for 0, and the event for an estimate', async () => {
    const disk = new FaultyDisk();
    const journal = await open(disk);
    const start = sampleStart('use_1');
    await journal.begin(start);
    await journal.end(sampleEnd(start, { inputTokens: Number.NaN, outputTokens: -3, cachedTokens: 1.5, reasoningTokens: 7 }));
    expect((await journal.seal())[0]?.events).toMatchObject([{ inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 2, reasoningTokens: 7, estimated: true }]);
  });
});
