import { afterAll, describe, expect, it } from 'vitest';
import type { HeldAsk, LimitLeases, WindowAsk } from '../../src/ports/limit-leases.ts';
import { rateLedgerContract } from './rate-ledger-contract.ts';

/** So long that no test meets its end. */
const LONG_MS = 1_000_000_000_000;

export interface LeasesUnderTest {
  readonly name: string;
  /** Several that ask for parts of the same limits. */
  readonly open: () => Promise<{ readonly sides: readonly LimitLeases[]; readonly close: () => Promise<void> }>;
}

/** The rules of `LimitLeases`, the same for every account. */
export function limitLeasesContract({ name, open }: LeasesUnderTest): void {
  const opened = open();
  afterAll(async () => (await opened).close());
  rateLedgerContract(name, opened);
  describe(`limits: ${name} (R5.4)`, async () => {
    const { sides } = await opened;
    let count = 0;
    const newKey = (): string => `t/acme/own#${(count += 1)}`;
    const side = (index: number): LimitLeases => sides[index % sides.length]!;
    const ask = (key: string, rest: Partial<WindowAsk> = {}): WindowAsk => ({ key, windowMs: LONG_MS, max: 100, need: 1, surplus: 0, back: { window: -1, amount: 0 }, beyond: 0, ...rest });
    const held = (key: string, holder: string, openNow: number, want: number, max = 10): HeldAsk => ({ key, max, holder, open: openNow, want });

    it('gives out exactly the limit, however many ask at once', async () => {
      const key = newKey();
      const answers = await Promise.all(Array.from({ length: 60 }, async (_, index) => side(index).window(ask(key, { need: 3 }))));
      expect(answers.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
      expect(new Set(answers.map(({ window }) => window)).size).toBe(1);
      expect(Math.min(...answers.map(({ left }) => left))).toBe(0);
    });

    it('tells how long the window lasts, and keeps limits apart', async () => {
      const [first, second] = [await side(0).window(ask(newKey(), { windowMs: 60_000 })), await side(1).window(ask(newKey(), { max: 1 }))];
      expect(first.leftMs).toBeGreaterThan(0);
      expect(first.leftMs).toBeLessThanOrEqual(60_000);
      expect(second).toMatchObject({ granted: 1, left: 0 });
    });

    it('a window that has ended is another one, with all of the limit', async () => {
      const key = newKey();
      const short = { windowMs: 20, max: 5, need: 5 };
      const first = await side(0).window(ask(key, short));
      await new Promise((resolve) => {
        setTimeout(resolve, 45);
      });
      const later = await side(1).window(ask(key, short));
      expect(later.window).toBeGreaterThan(first.window);
      expect(later.granted).toBe(5);
    });

    it('what is given back can be had again, in its own window only', async () => {
      const key = newKey();
      const { window } = await side(0).window(ask(key, { need: 100 }));
      expect(await side(1).window(ask(key))).toMatchObject({ granted: 0, left: 0 });
      await side(0).window(ask(key, { need: 0, back: { window: window - 1, amount: 50 } }));
      expect((await side(1).window(ask(key))).granted).toBe(0);
      await side(0).window(ask(key, { need: 0, back: { window, amount: 50 } }));
      expect((await side(1).window(ask(key, { need: 60 }))).granted).toBe(50);
    });

    it('what was used unasked counts, also past the limit', async () => {
      const key = newKey();
      const { window } = await side(0).window(ask(key, { need: 90 }));
      await side(1).window(ask(key, { need: 0, back: { window, amount: -20 } }));
      expect(await side(0).window(ask(key, { need: 0, beyond: 30 }))).toMatchObject({ granted: 0, left: 0 });
      await side(0).window(ask(key, { need: 0, back: { window, amount: 40 } }));
      expect((await side(1).window(ask(key))).granted).toBe(0);
      expect((await side(1).window(ask(key, { need: 1, back: { window, amount: 1 } }))).granted).toBe(1);
    });

    it('gives what is wanted for later only while much is left, and less and less of it', async () => {
      const key = newKey();
      expect((await side(0).window(ask(key, { need: 1, surplus: 3 }))).granted).toBe(4);
      expect((await side(1).window(ask(key, { need: 64, surplus: 50 }))).granted).toBe(66);
      expect((await side(0).window(ask(key, { need: 20, surplus: 50 }))).granted).toBe(20);
    });

    it('a limit that was lowered meanwhile holds at once', async () => {
      const key = newKey();
      await side(0).window(ask(key, { need: 50 }));
      expect(await side(1).window(ask(key, { max: 40 }))).toMatchObject({ granted: 0, left: 0 });
    });

    it('open requests: all holders together have no more than the limit, and what is open counts whatever the limit is', async () => {
      const key = newKey();
      expect(await side(0).held(held(key, 'a', 0, 6))).toBe(6);
      expect(await side(1).held(held(key, 'b', 0, 6))).toBe(4);
      expect(await side(0).held(held(key, 'c', 0, 1))).toBe(0);
      expect(await side(0).held(held(key, 'a', 2, 2))).toBe(2);
      expect(await side(0).held(held(key, 'c', 0, 9))).toBe(4);
      expect(await side(1).held(held(key, 'b', 8, 9))).toBe(8);
      for (const holder of ['a', 'b', 'c']) expect(await side(1).held(held(key, holder, 0, 0))).toBe(0);
      expect(await side(0).held(held(key, 'd', 0, 20))).toBe(10);
    });
  });
}
