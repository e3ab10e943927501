import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OpenRequests } from '../gateway/open-requests.ts';
import { TenantsOpen } from './tenants-open.ts';
import type { Channel } from './worker-link.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Workers that hear one another at once. */
function workers(count: number, limit: number): readonly OpenRequests[] {
  const receivers: ((message: unknown) => void)[] = [];
  return Array.from({ length: count }, (_, index) => {
    const channel: Channel = {
      send: async (message) => {
        for (const [to, receive] of receivers.entries()) if (to !== index) receive(message);
      },
      onMessage: (receive) => void (receivers[index] = receive),
      onCut: () => undefined,
    };
    const tenants = new TenantsOpen(index + 1, channel);
    const open = new OpenRequests({ limit, elsewhere: (tenant) => tenants.elsewhere(tenant) });
    tenants.tell(open);
    return open;
  });
}

function enter(open: OpenRequests, count: number, tenant = 'acme'): number {
  for (let entered = 0; entered < count; entered += 1) {
    try {
      open.enter(tenant);
    } catch {
      return entered;
    }
  }
  return count;
}

it('R0.3, R5.7: a tenant\'s open requests are counted over all workers, but for those of the last quarter second', async () => {
  const [one, other] = workers(2, 100) as [OpenRequests, OpenRequests];
  expect(enter(one, 60)).toBe(60);
  await vi.advanceTimersByTimeAsync(250);
  expect(enter(other, 60)).toBe(40);
  expect(enter(other, 10, 'globex')).toBe(10);
  await vi.advanceTimersByTimeAsync(250);
  expect(enter(one, 1)).toBe(0);
  for (let left = 0; left < 60; left += 1) one.leave('acme');
  await vi.advanceTimersByTimeAsync(250);
  expect(enter(other, 100)).toBe(60);
});

it('R0.3: what a worker told that is gone is forgotten', async () => {
  const [one, other] = workers(2, 100) as [OpenRequests, OpenRequests];
  enter(one, 60);
  await vi.advanceTimersByTimeAsync(250);
  vi.clearAllTimers();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(enter(other, 100)).toBe(100);
});
