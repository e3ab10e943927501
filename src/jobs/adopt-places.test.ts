import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { adoptPlacesJob } from './adopt-places.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('what processes left behind', () => {
  it('is taken over a few seconds later, unless somebody has it, and said; what fails is tried again, and said once', async () => {
    const log = new RecordingLog();
    const left = new Set([2, 3, 4]);
    const asked: number[] = [];
    let broken = true;
    const adopt = async (place: number): Promise<boolean> => {
      asked.push(place);
      if (place === 4 && broken) throw new Error('the database is away');
      if (place === 3) return false;
      left.delete(place);
      return true;
    };
    const job = adoptPlacesJob({ left: () => [...left], adopt, log });
    job.start();
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toEqual([2, 3, 4]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(log.of('process_taken_over')).toMatchObject([{ fields: { count: 2 } }]);
    expect(log.of('process_not_taken_over')).toHaveLength(1);
    broken = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(log.of('process_taken_over')).toHaveLength(2);
    await job.stop();
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(before);
  });
});
