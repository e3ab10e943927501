import { expect, it } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import type { BusNews } from '../../ports/bus.ts';
import { createWorkersBus } from './workers.ts';

/** Buses of workers whose messages go to all others, and ways to cut one off. */
function buses(count: number) {
  const clock = new TestClock();
  const receivers: ((message: unknown) => void)[] = [];
  const cuts: (() => void)[] = [];
  const made = Array.from({ length: count }, (_, index) => {
    const bus = createWorkersBus(
      {
        send: async (message) => {
          await Promise.resolve();
          for (const [to, receive] of receivers.entries()) if (to !== index) receive(JSON.parse(JSON.stringify(message)));
        },
        onMessage: (receive) => void (receivers[index] = receive),
        onCut: (cut) => void (cuts[index] = cut),
      },
      clock,
      new RecordingLog(),
    );
    const heard: BusNews[] = [];
    bus.subscribe((news) => void heard.push(news));
    return { bus, heard };
  });
  return { made, cuts, receivers, clock };
}

it('S32, R5.7: what one worker announces all have heard when that is done, itself once', async () => {
  const { made } = buses(3);
  const message = { topic: 'token', id: 'a', version: 3 } as const;
  await made[0]!.bus.publish(message);
  expect(made.map(({ heard }) => heard)).toEqual([[message], [message], [message]]);
  expect(made.every(({ bus }) => bus.trusted)).toBe(true);
});

it('S32: believes records for a moment only when nobody is reached any more, and reads them again', () => {
  const { made, cuts, receivers } = buses(2);
  cuts[1]!();
  expect(made.map(({ bus }) => bus.trusted)).toEqual([true, false]);
  expect(made[1]!.heard).toEqual([{ topic: 'missed' }]);
  receivers[0]!('nonsense');
  receivers[0]!({ topic: 'token' });
  expect(made[0]!.heard).toEqual([]);
});

it('S32: one that stood still has everything read again when it is asked, before its timers run and its messages are read', () => {
  const { made, clock } = buses(1);
  const [{ bus, heard }] = made as [(typeof made)[number]];
  clock.advance(1_000);
  expect([bus.trusted, heard]).toEqual([true, []]);
  clock.advance(1_001);
  expect([bus.trusted, heard]).toEqual([true, [{ topic: 'missed' }]]);
  expect([bus.trusted, heard.length]).toEqual([true, 1]);
});
