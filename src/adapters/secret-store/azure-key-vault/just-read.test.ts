import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestClock } from '../../../../test/support/credential-world.ts';
import { JustRead } from './just-read.ts';
import type { ReadSecret } from './kept-secret.ts';

const read: ReadSecret = { version: 'v1', enabled: true, contentType: undefined, tags: {}, createdAt: 0, value: 'sk-test-just-read-0001' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('S16 what was read is given once, and a value that nobody asks for leaves memory within about a second', () => {
  const justRead = new JustRead(new TestClock());
  justRead.keep('taken', read);
  expect([justRead.take('taken'), justRead.take('taken')]).toEqual([read, undefined]);
  justRead.keep('left', { ...read, version: 'v0' });
  vi.advanceTimersByTime(900);
  justRead.keep('left', read);
  vi.advanceTimersByTime(900);
  justRead.keep('forgotten', read);
  expect(justRead.take('left')).toEqual(read);
  // The clock stands still: it is memory that is looked at, not age.
  vi.advanceTimersByTime(1_000);
  expect(justRead.take('forgotten')).toBeUndefined();
});
