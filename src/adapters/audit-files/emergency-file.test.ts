import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditRow } from '../../../test/contract/metadata-store-records.ts';
import { mountSmallDisk } from '../../../test/support/small-disk.ts';
import type { AuditRowDraft } from '../../ports/audit-journal.ts';
import { openEmergencyFile } from './emergency-file.ts';

const SIZE = 1024 * 1024;
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-emergency-'));
  file = join(folder, 'audit-emergency');
});
afterEach(() => rmSync(folder, { recursive: true }));

function draft(id: string, resource = 'tenant:acme/café 🔑'): AuditRowDraft {
  const { replica: _replica, counter: _counter, previous: _previous, nonce: _nonce, ...rest } = auditRow(id, { resource });
  return rest;
}

describe('the emergency journal\'s file (S29)', () => {
  it('takes its room at the start, for its owner alone', async () => {
    const journal = await openEmergencyFile(file);
    expect(journal.left).toEqual([]);
    const { size, blocks, mode } = statSync(file);
    expect([size, mode & 0o777]).toEqual([SIZE, 0o600]);
    expect(blocks * 512).toBeGreaterThanOrEqual(SIZE);
    await journal.close();
  });

  it('keeps rows over a restart, in their order, until they are cleared', async () => {
    const first = await openEmergencyFile(file);
    await Promise.all([first.append(draft('a')), first.append(draft('b'))]);
    // Not closed, as after kill -9.
    const second = await openEmergencyFile(file);
    expect(second.left).toEqual([draft('a'), draft('b')]);
    await second.append(draft('c'));
    const third = await openEmergencyFile(file);
    expect(third.left.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    await third.clear();
    await third.append(draft('d'));
    const fourth = await openEmergencyFile(file);
    expect(fourth.left).toEqual([draft('d')]);
    expect(statSync(file).size).toBe(SIZE);
    for (const journal of [first, second, third, fourth]) await journal.close();
  });

  it('leaves out a row that was cut, wherever, and goes on after the last whole one', async () => {
    const journal = await openEmergencyFile(file);
    for (const id of ['a', 'b']) await journal.append(draft(id));
    await journal.close();
    const whole = readFileSync(file);
    const first = whole.indexOf('\n') + 1;
    const end = whole.indexOf('\n', first) + 1;
    for (let cut = first; cut < end; cut += 7) {
      const torn = Buffer.from(whole);
      torn.fill(0, cut, end);
      writeFileSync(file, torn);
      const again = await openEmergencyFile(file);
      expect(again.left.map(({ id }) => id)).toEqual(['a']);
      await again.append(draft('c'));
      await again.close();
      const last = await openEmergencyFile(file);
      expect(last.left.map(({ id }) => id)).toEqual(['a', 'c']);
      await last.close();
    }
    // Half-cleared: nothing that stood behind comes back.
    const cleared = Buffer.from(whole);
    cleared.fill(0, 0, first - 3);
    writeFileSync(file, cleared);
    const again = await openEmergencyFile(file);
    expect(again.left).toEqual([]);
    expect(readFileSync(file).every((byte) => byte === 0)).toBe(true);
    await again.close();
  });

  it('fills up what a crash at the very start has left too short', async () => {
    const journal = await openEmergencyFile(file);
    await journal.append(draft('a'));
    await journal.close();
    truncateSync(file, 5000);
    const again = await openEmergencyFile(file);
    expect(again.left.map(({ id }) => id)).toEqual(['a']);
    expect(statSync(file).size).toBe(SIZE);
    await again.close();
  });

  it('refuses what does not fit any more, and keeps what does', async () => {
    const journal = await openEmergencyFile(file);
    const big = draft('x', 'x'.repeat(100_000));
    let kept = 0;
    const refused: unknown = await (async () => {
      for (;;) {
        await journal.append(big);
        kept += 1;
      }
    })().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'unavailable' });
    expect(kept).toBe(10);
    await journal.append(draft('small'));
    await journal.close();
    const again = await openEmergencyFile(file);
    expect(again.left).toHaveLength(11);
    await again.close();
  });

  it('is written on a full disk; without room at the start it says so', async ({ skip }) => {
    const disk = mountSmallDisk(3);
    if (disk === undefined) {
      skip('no right to mount a small disk');
      return;
    }
    try {
      const journal = await openEmergencyFile(join(disk.folder, 'audit-emergency'));
      disk.fill();
      for (let index = 0; index < 50; index += 1) await journal.append(draft(`full${index}`));
      await journal.close();
      const again = await openEmergencyFile(join(disk.folder, 'audit-emergency'));
      expect(again.left).toHaveLength(50);
      await again.clear();
      await again.close();
      await expect(openEmergencyFile(join(disk.folder, 'another'))).rejects.toMatchObject({ exitCode: 8 });
    } finally {
      disk.remove();
    }
  });

  it('is not followed through a link', async () => {
    symlinkSync(join(folder, 'elsewhere'), file);
    await expect(openEmergencyFile(file)).rejects.toMatchObject({ exitCode: 4 });
  });
});
