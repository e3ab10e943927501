import { describe, expect, it } from 'vitest';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { TestClock } from '../../../test/support/credential-world.ts';
import { LinkReport } from './link-report.ts';

function world(connected: boolean) {
  const clock = new TestClock();
  const log = new RecordingLog();
  const link = { kind: 'redis' as const, connected, failure: new Error('ECONNRESET') };
  const seen: boolean[] = [];
  const report = new LinkReport({ link, clock, log, metrics: { busConnected: (metric) => seen.push(metric.connected) } });
  const seconds = (count: number, is: boolean) => {
    for (let second = 0; second < count; second += 1) {
      link.connected = is;
      report.look();
      clock.advance(1_000);
    }
    return log.lines.splice(0).map(({ event }) => event);
  };
  return { seconds, seen };
}

describe('what is said of a link', () => {
  it('says nothing while it is well, and each state once', () => {
    const { seconds, seen } = world(true);
    expect(seconds(10, true)).toEqual([]);
    expect(seconds(90, false)).toEqual(['bus_lost']);
    expect(seconds(90, true)).toEqual(['bus_back']);
    expect(seen.slice(8, 12)).toEqual([true, true, false, false]);
  });

  it('says that it never came, once a start has had its moment', () => {
    const { seconds } = world(false);
    expect(seconds(4, false)).toEqual([]);
    expect(seconds(120, false)).toEqual(['bus_lost']);
  });

  it('says one thing a minute of a link that comes and goes', () => {
    const { seconds } = world(true);
    seconds(1, true);
    const said = Array.from({ length: 180 }, (_, second) => seconds(1, second % 2 === 1)).flat();
    expect(said.length).toBeLessThanOrEqual(4);
    expect(said[0]).toBe('bus_lost');
  });
});
