import { describe, expect, it } from 'vitest';
import type { BusMessage, BusNews } from '../../ports/bus.ts';
import { createInProcessBus } from './in-process.ts';

const message: BusMessage = { topic: 'policy', tenant: 'acme', version: 3 };

describe('the in-process bus', () => {
  it('has told every subscriber when publish resolves', async () => {
    const bus = createInProcessBus();
    const seen: string[] = [];
    bus.subscribe(() => seen.push('one'));
    bus.subscribe(() => seen.push('two'));
    await bus.publish(message);
    expect(seen).toEqual(['one', 'two']);
  });

  it('tells the others when one subscriber throws', async () => {
    const bus = createInProcessBus();
    const seen: BusNews[] = [];
    bus.subscribe(() => {
      throw new Error('broken subscriber');
    });
    bus.subscribe((received) => seen.push(received));
    await bus.publish(message);
    expect(seen).toEqual([message]);
  });

  it('keeps two subscriptions of the same function apart, and ends only the one that is ended', async () => {
    const bus = createInProcessBus();
    let told = 0;
    const receive = (): void => {
      told += 1;
    };
    const end = bus.subscribe(receive);
    bus.subscribe(receive);
    end();
    await bus.publish(message);
    expect(told).toBe(1);
  });
});
