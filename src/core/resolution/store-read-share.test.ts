import { describe, expect, it } from 'vitest';
import { StoreReadShare } from './store-read-share.ts';

describe('S11: a tenant\'s share of store reads', () => {
  it('lets 8 of a tenant run at once, keeps their order, and does not hold up another tenant', async () => {
    const share = new StoreReadShare();
    const started: number[] = [];
    const finish: (() => void)[] = [];
    const reads = Array.from({ length: 20 }, (_, index) =>
      share.run('busy', async () => {
        started.push(index);
        await new Promise<void>((resolve) => finish.push(resolve));
        if (index % 3 === 0) throw new Error('a read fails');
        return index;
      }),
    );
    const settled = Promise.allSettled(reads);
    await new Promise((resume) => setImmediate(resume));
    expect(started).toHaveLength(8);
    expect(await share.run('other', async () => 'served')).toBe('served');
    for (let next = finish.shift(); next !== undefined; next = finish.shift()) {
      next();
      await new Promise((resume) => setImmediate(resume));
    }
    const results = await settled;
    expect(started).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, (_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')));
  });
});
