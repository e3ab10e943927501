import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { placesOf, type ReplicaPlace, takePlace, tryPlace } from './replica-place.ts';

let folder: string;
const children: ChildProcess[] = [];
const places: ReplicaPlace[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-places-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  for (const place of places.splice(0)) place.release();
  rmSync(folder, { recursive: true, force: true });
});

function take(): ReplicaPlace {
  const place = takePlace(folder);
  places.push(place);
  return place;
}

describe('places in a data folder (R5.7)', () => {
  it('the first has plain names, the others a number; a place that is free again is taken before a new one', () => {
    const [one, two, three] = [take(), take(), take()];
    expect([one, two, three].map(({ number }) => number)).toEqual([1, 2, 3]);
    expect([one.path('journal'), three.path('audit-head')]).toEqual([join(folder, 'journal'), join(folder, 'audit-head.3')]);
    two.release();
    two.release();
    expect(take().number).toBe(2);
    expect(tryPlace(folder, 3)).toBeUndefined();
  });

  it('kill -9 frees a place, and of processes that want it together one gets it', async () => {
    const held = await Promise.all([hold(), hold(), hold(), hold()]);
    expect(held.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    const second = held.find(({ number }) => number === 2);
    expect(tryPlace(folder, 2)).toBeUndefined();
    await kill(second?.child);
    const next = await Promise.all([hold(), hold()]);
    expect(next.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual([2, 5]);
  });

  it('tells which places something was left in', () => {
    for (const name of ['journal', 'journal.3', 'journal.12']) mkdirSync(join(folder, name));
    for (const name of ['journal.0', 'journal.x', 'journals', 'journal.2.new', 'audit-head.4']) writeFileSync(join(folder, name), '');
    expect(placesOf(folder, 'journal')).toEqual([1, 3, 12]);
    expect(placesOf(folder, 'audit-head')).toEqual([4]);
  });
});

/** A process of its own that takes a place and keeps it. */
async function hold(): Promise<{ readonly number: number; readonly child: ChildProcess }> {
  const script = `
    const { takePlace } = await import(${JSON.stringify(new URL('./replica-place.ts', import.meta.url).href)});
    globalThis.place = takePlace(process.argv[1]);
    console.log(globalThis.place.number);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return { number: Number(text), child };
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
