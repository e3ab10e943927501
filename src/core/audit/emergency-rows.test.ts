import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../test/support/audit-custody.ts';
import { expectChains, expectTrees, type Fault, put, setup, until } from '../../../test/support/audit-world.ts';
import type { AuditEntry } from './audit-log.ts';

const revoke: AuditEntry = { ...put, action: 'credential.revoke' };

describe('the emergency journal (S29)', () => {
  it('lets what is urgent go on while the log cannot be written, and nothing else', async () => {
    const journal = new MemoryJournal();
    const { audit, repository, events } = setup({ journal });
    repository.down = true;
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });
    const intent = await audit.intent(revoke, { urgent: true });
    expect(journal.rows).toMatchObject([{ id: intent, phase: 'intent', action: 'credential.revoke' }]);
    await audit.outcome(intent, 'ok', null);
    expect(journal.rows).toMatchObject([{ phase: 'intent' }, { phase: 'outcome', intentId: intent, outcome: 'ok' }]);
    expect(await repository.rows()).toEqual([]);
    expect(events).toContain('audit_row_journaled');
  });

  it('places its rows when the log is back, in their order, ahead of all later ones, and forgets them then', async () => {
    const journal = new MemoryJournal();
    const { audit, repository } = setup({ journal });
    repository.down = true;
    const intent = await audit.intent(revoke, { urgent: true });
    await audit.outcome(intent, 'ok', null);
    repository.down = false;
    const later = await audit.intent(put);
    const rows = await repository.rows();
    expect(rows.map(({ id, intentId, phase }) => [phase, intentId === intent, id === later])).toEqual([['intent', true, false], ['outcome', true, false], ['intent', false, true]]);
    expectChains(rows);
    await until(() => journal.rows.length === 0);
    await audit.close();
  });

  it('places them by itself, also when nobody writes any more', async () => {
    const journal = new MemoryJournal();
    const { audit, repository } = setup({ journal });
    repository.down = true;
    await audit.outcome(await audit.intent(revoke, { urgent: true }), 'failed', 'unavailable');
    repository.down = false;
    await until(async () => (await repository.rows()).length === 2 && journal.rows.length === 0);
  });

  it('places what a process that was killed has left, each row once', async () => {
    const journal = new MemoryJournal();
    const { audit, repository, create } = setup({ journal });
    repository.down = true;
    const intent = await audit.intent(revoke, { urgent: true });
    await audit.outcome(intent, 'ok', null);
    const left = journal.again();
    repository.down = false;
    await until(async () => (await repository.rows()).length === 2);
    // The first process placed them after all, and died before it could forget them; the second finds them in the log.
    const second = create('r2', left);
    expect(await second.placeLeftRows()).toBe(0);
    expect(left.rows).toEqual([]);
    expect(await repository.rows()).toHaveLength(2);

    const fresh = setup({});
    const third = fresh.create('r3', new MemoryJournal(left.left));
    expect(await third.placeLeftRows()).toBe(2);
    const rows = await fresh.repository.rows();
    expect(rows.map(({ id, phase }) => [id === intent, phase])).toEqual([[true, 'intent'], [false, 'outcome']]);
    expectChains(rows);
  });

  it('keeps them for the next start when the log is still down then', async () => {
    const { audit, repository, create } = setup({ timing: { retryMs: 60_000 }, journal: new MemoryJournal() });
    await audit.close();
    const draft = await draftOf();
    const journal = new MemoryJournal([draft]);
    const second = create('r2', journal);
    const counted = second.placeLeftRows();
    repository.appendFaults = Array.from({ length: 10 }, () => 'refuse');
    expect(await counted).toBe(1);
    expect(journal.rows).toHaveLength(1);
    repository.appendFaults = [];
    await second.close();
    expect((await repository.rows()).map(({ id }) => id)).toEqual([draft.id]);
    expect(journal.rows).toEqual([]);
  });

  it('places what another process has left, each row once, however often that fails in between', async () => {
    const { audit, repository } = setup({ timing: { retryMs: 5 }, journal: new MemoryJournal() });
    const others = new MemoryJournal([await draftOf(), await draftOf()]);
    repository.down = true;
    for (let round = 0; round < 3; round += 1) await expect(audit.placeRowsOf(others)).rejects.toBeDefined();
    expect(others.rows).toHaveLength(2);
    repository.down = false;
    repository.appendFaults = Array.from({ length: 6 }, () => 'refuse');
    await expect(audit.placeRowsOf(others)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(audit.placeRowsOf(others)).rejects.toMatchObject({ code: 'unavailable' });
    repository.appendFaults = [];
    await until(async () => (await repository.rows()).length === 2);
    await audit.placeRowsOf(others);
    expect(others.rows).toEqual([]);
    const rows = await repository.rows();
    expect(rows.map(({ id }) => id).toSorted()).toEqual(others.left.map(({ id }) => id).toSorted());
    expectChains(rows);
    await audit.close();
  });

  it('refuses what is urgent, too, when the journal cannot be written either, and leaves no row of it', async () => {
    const journal = new MemoryJournal();
    const { audit, repository } = setup({ timing: { retryMs: 60_000 }, journal });
    repository.down = true;
    journal.broken = true;
    await expect(audit.intent(revoke, { urgent: true })).rejects.toMatchObject({ code: 'unavailable' });
    repository.down = false;
    await audit.intent(put);
    expect((await repository.rows()).map(({ action }) => action)).toEqual(['credential.put']);
  });

  it('ends a refused urgent row that stands after all as refused', async () => {
    const journal = new MemoryJournal();
    const { audit, repository } = setup({ timing: { answerMs: 20 }, journal });
    journal.broken = true;
    repository.appendFaults = ['never-answer'];
    repository.sizeFaults = [null, true, true, true];
    await expect(audit.intent(revoke, { urgent: true })).rejects.toMatchObject({ code: 'unavailable' });
    await until(async () => (await repository.rows()).length === 2);
    expect((await repository.rows())[1]).toMatchObject({ phase: 'outcome', outcome: 'failed', code: 'unavailable' });
  });

  it('does not speak of lost rows that it keeps', async () => {
    const journal = new MemoryJournal();
    const { audit, repository, events } = setup({ timing: { retryMs: 60_000 }, journal });
    repository.down = true;
    await audit.outcome(await audit.intent(revoke, { urgent: true }), 'ok', null);
    await audit.close();
    expect(events).not.toContain('audit_rows_lost');
    expect(journal.rows).toHaveLength(2);
  });

  it('loses no acknowledged row and places none twice, under any faults and a kill', async () => {
    const fault = fc.constantFrom<(Fault | null)[]>(null, null, 'refuse', 'lose-answer', 'land-late');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 20 }), fc.array(fc.option(fc.constant(true as const), { freq: 3 }), { maxLength: 10 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }), fc.boolean(), async (appendFaults, sizeFaults, operations, killed) => {
        const journal = new MemoryJournal();
        const { audit, repository, create } = setup({ timing: { retryMs: 1 }, journal });
        repository.appendFaults = appendFaults;
        repository.sizeFaults = sizeFaults;
        const done: string[] = [];
        for (const urgent of operations) {
          try {
            const intent = await audit.intent(urgent ? revoke : put, { urgent });
            await audit.outcome(intent, 'ok', null);
            if (urgent) done.push(intent);
          } catch (error) {
            expect(error).toMatchObject({ code: 'unavailable' });
            expect(urgent).toBe(false);
          }
        }
        const found = journal.again();
        repository.appendFaults = [];
        repository.sizeFaults = [];
        if (!killed) await audit.close();
        else await new Promise((resolve) => setTimeout(resolve, 20));
        const next = create('r2', killed ? found : journal.again());
        await next.placeLeftRows();
        await next.close();
        await new Promise((resolve) => setTimeout(resolve, 5));
        const rows = await repository.rows();
        expectChains(rows);
        await expectTrees(repository.inner);
        for (const intent of done) expect(rows.filter(({ intentId }) => intentId === intent).map(({ phase }) => phase)).toEqual(['intent', 'outcome']);
      }),
      { numRuns: 60 },
    );
  });
});

/** What a process would have left. */
async function draftOf() {
  const journal = new MemoryJournal();
  const { audit, repository } = setup({ timing: { retryMs: 60_000 }, journal });
  repository.down = true;
  await audit.intent(revoke, { urgent: true });
  const [draft] = journal.rows;
  if (draft === undefined) throw new Error('no row was left');
  return draft;
}
