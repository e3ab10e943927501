import { describe, expect, it } from 'vitest';
import { createLog } from '../adapters/log/pino-log.ts';
import { makeLog } from '../../test/support/audit-logs.ts';
import { checkpointsIn } from '../core/audit/checkpoint-texts.ts';
import { openCheckpoint } from '../core/audit/notes/checkpoint.ts';
import { LeaveHeads } from './leave-heads.ts';

function collect() {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'info', pretty: false, destination: { write: (line) => void lines.push(line) } }) };
}

async function until(what: () => boolean): Promise<void> {
  for (let round = 0; round < 2_000 && !what(); round += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(what()).toBe(true);
}

describe('heads leave the machine (S30)', () => {
  it('at the start, every so often and at the stop, as the signed note, byte by byte, in a line of the log', async () => {
    const made = makeLog();
    await made.add([{ tenant: 'acme' }]);
    const { lines, log } = collect();
    const job = new LeaveHeads({ heads: made.heads, log, keepEveryMs: 60_000, leaveEveryMs: 10 });
    await job.start();
    expect(lines).toHaveLength(1);
    await made.add([{}, {}]);
    await job.hourly.run(() => true);
    expect(lines).toHaveLength(2);
    await made.add([{}]);
    await job.stop();
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.every(({ event, level }) => event === 'audit_checkpoint' && level === 'info')).toBe(true);
    expect([events[0]?.['name'], events[1]?.['name'], events.at(-1)?.['name']]).toEqual(['start', 'hour', 'stop']);
    expect([events[0]?.['count'], events.at(-1)?.['count']]).toEqual([1, 4]);
    for (const note of checkpointsIn(lines.join(''))) expect(openCheckpoint(note, [made.key.verifier])).toBeDefined();
    expect(checkpointsIn(lines.join('')).at(-1)).toBe((await made.heads.current()).note);
    const after = lines.length;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(lines).toHaveLength(after);
  });

  it('are kept between that', async () => {
    const made = makeLog();
    const job = new LeaveHeads({ heads: made.heads, log: collect().log, keepEveryMs: 10, leaveEveryMs: 60_000 });
    await job.start();
    await made.add([{}]);
    await until(() => made.kept.kept.length === 2);
    await job.stop();
  });

  it('go to the witness, too, for which a start does not wait; what it did not sign is offered again', async () => {
    const made = makeLog();
    const offers: number[] = [];
    const answer = Promise.withResolvers<void>();
    const witness = {
      failure: null as string | null,
      offer: async ({ size }: { readonly size: number }) => {
        offers.push(size);
        await answer.promise;
      },
    };
    await made.add([{}]);
    const job = new LeaveHeads({ heads: made.heads, witness, log: collect().log, keepEveryMs: 10, leaveEveryMs: 60_000 });
    await job.start();
    expect(offers).toEqual([1]);
    await made.add([{}]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(offers).toEqual([1]);
    witness.failure = 'away';
    await until(() => offers.length > 2);
    expect(offers.at(-1)).toBe(2);
    witness.failure = null;
    answer.resolve();
    await job.stop();
    expect(offers.at(-1)).toBe(2);
  });

  it('are told when they cannot be signed, and Keyhold goes on', async () => {
    const { lines, log } = collect();
    const job = new LeaveHeads({ heads: { current: async () => Promise.reject(new Error('down')) }, log, keepEveryMs: 10, leaveEveryMs: 60_000 });
    await job.start();
    await until(() => lines.some((line) => line.includes('audit_head_not_kept')));
    await job.stop();
    expect(lines[0]).toContain('audit_checkpoint_failed');
  });
});
