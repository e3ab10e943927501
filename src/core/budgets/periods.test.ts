import { describe, expect, it } from 'vitest';
import { isTimeZone, periodAt, Periods } from './periods.ts';

const at = (text: string): number => Date.parse(text);
const shown = (per: 'day' | 'week' | 'month', zone: string, time: string) => {
  const { name, from, until } = periodAt(per, zone, at(time));
  return [name, new Date(from).toISOString(), until === null ? null : new Date(until).toISOString()];
};

describe('periods of budgets (R5.4)', () => {
  it('are days, weeks from Monday on, and months of the time zone', () => {
    expect(shown('day', 'UTC', '2026-11-28T23:59:59.999Z')).toEqual(['2026-11-28', '2026-11-28T00:00:00.000Z', '2026-11-29T00:00:00.000Z']);
    expect(shown('day', 'Asia/Kathmandu', '2026-11-28T18:15:00Z')).toEqual(['2026-11-29', '2026-11-28T18:15:00.000Z', '2026-11-29T18:15:00.000Z']);
    expect(shown('week', 'UTC', '2026-11-29T12:00:00Z')).toEqual(['2026-W48', '2026-11-23T00:00:00.000Z', '2026-11-30T00:00:00.000Z']);
    expect(shown('month', 'America/New_York', '2026-12-01T04:59:00Z')).toEqual(['2026-11', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z']);
  });

  it('name a week by the year that has most of it', () => {
    expect(shown('week', 'UTC', '2027-01-02T00:00:00Z')[0]).toBe('2026-W53');
    expect(shown('week', 'UTC', '2027-01-04T00:00:00Z')[0]).toBe('2027-W01');
  });

  it('are as long as the zone\'s clocks make them', () => {
    const hours = (zone: string, time: string): number => {
      const { from, until } = periodAt('day', zone, at(time));
      return ((until ?? 0) - from) / 3_600_000;
    };
    expect(hours('Europe/Berlin', '2026-03-29T12:00:00Z')).toBe(23);
    expect(hours('Europe/Berlin', '2026-10-25T12:00:00Z')).toBe(25);
    // Where clocks go forward at midnight, the day begins at one o'clock.
    expect(shown('day', 'Africa/Cairo', '2026-04-24T12:00:00Z')).toEqual(['2026-04-24', '2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z']);
  });

  it('are one account each, whatever a clock or a changed time zone does', () => {
    const periods = new Periods();
    const names = ['2026-11-28T12:00:00Z', '2026-11-29T00:00:00Z', '2026-11-28T23:00:00Z', '2027-01-01T00:00:00Z', '2026-11-28T01:00:00Z'].map((time) => periods.at('day', 'UTC', at(time)).name);
    expect(names).toEqual(['2026-11-28', '2026-11-29', '2026-11-28', '2027-01-01', '2026-11-28']);
    expect(periods.at('day', 'Pacific/Auckland', at('2026-11-28T12:00:00Z')).name).toBe('2026-11-29');
    expect(periods.at('total', 'Pacific/Auckland', 0)).toEqual({ name: 'total', from: 0, until: null });
  });

  it('are of time zones that there are', () => {
    for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3']) expect(isTimeZone(name), name).toBe(true);
    for (const name of ['', 'Europe/Nowhere', '+01:00', '2026-01-01[UTC]', 'x'.repeat(100), 'UTC\n']) expect(isTimeZone(name), name).toBe(false);
  });
});
