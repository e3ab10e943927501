import { describe, expect, it } from 'vitest';
import { LeaseWay } from '../../src/core/limits/lease-way.ts';
import { LimitReached } from '../../src/core/limits/limit-reached.ts';
import { type Admission, RateLedger } from '../../src/core/limits/rate-ledger.ts';
import { LimitRules } from '../../src/core/limits/rules.ts';
import type { LimitLeases } from '../../src/ports/limit-leases.ts';
import type { Limits } from '../../src/ports/metadata/limits.ts';
import { noLimits } from '../../src/core/limits/limits-request.ts';
import { eventually } from '../support/eventually.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Processes that share limits, as many as there are sides. */
export function ledgersOn(sides: readonly LimitLeases[]): readonly RateLedger[] {
  const processes = { all: sides.length, asking: sides.length };
  return sides.map((leases, index) => new RateLedger({ way: new LeaseWay({ leases, clock, processes: () => processes }), holder: `process ${index}` }));
}

let count = 0;

/** What a tenant that nobody has asked for before may use. */
export function rulesFor(limits: Partial<Limits>) {
  count += 1;
  return new LimitRules({ ...noLimits, ...limits }, `t/tenant-${count}/own`, 'the tenant').of('openai');
}

/** Whether it was admitted; anything else than a limit that is reached fails. */
export async function tried(asked: () => Admission | Promise<Admission>): Promise<Admission | undefined> {
  try {
    return await asked();
  } catch (error) {
    expect(error).toBeInstanceOf(LimitReached);
    return undefined;
  }
}

/** What limits promise whoever uses them, on every account. */
export function rateLedgerContract(name: string, opened: Promise<{ readonly sides: readonly LimitLeases[] }>): void {
  describe(`requests within limits: ${name} (R5.4)`, async () => {
    const ledgers = ledgersOn((await opened).sides);
    const ledger = (index: number): RateLedger => ledgers[index % ledgers.length]!;
    const admitted = async (rules: ReturnType<typeof rulesFor>, times: number, tokens = 0): Promise<readonly Admission[]> =>
      (await Promise.all(Array.from({ length: times }, (_, index) => tried(() => ledger(index).admit(rules, tokens))))).filter((one) => one !== undefined);

    it('as many as the limit says, of any number that come at once', async () => {
      expect(await admitted(rulesFor({ requests: [{ max: 70, per: 'day' }] }), 200)).toHaveLength(70);
      expect(await admitted(rulesFor({ requests: [{ max: 1_000, per: 'day' }] }), 1_500)).toHaveLength(1_000);
    });

    it('one after the other all of it can be used, and then it is told when it may be tried again', async () => {
      const rules = rulesFor({ requests: [{ max: 300, per: 'day' }] });
      let admittedHere = 0;
      for (let index = 0; index < 300; index += 1) if ((await tried(() => ledger(index).admit(rules, 0))) !== undefined) admittedHere += 1;
      // What others have in hand comes back in a moment.
      await eventually(
        async () => {
          if ((await tried(() => ledger(0).admit(rules, 0))) !== undefined) admittedHere += 1;
          return admittedHere >= 298;
        },
        () => `Only ${admittedHere} of 300 could be used.`,
      );
      await eventually(
        async () => {
          if ((await tried(() => ledger(0).admit(rules, 0))) === undefined) return true;
          admittedHere += 1;
          return false;
        },
        () => 'It never ends.',
      );
      expect(admittedHere).toBeLessThanOrEqual(300);
      const refusal: unknown = await Promise.resolve().then(() => ledger(0).admit(rules, 0)).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'rate_limited', states: { requests: { max: 300, remaining: 0 } } });
      expect(refusal instanceof LimitReached ? refusal.retryAfterSeconds : 0).toBeGreaterThan(0);
    });

    it('of several limits all hold, and what one refuses the others do not lose for long', async () => {
      const rules = rulesFor({ requests: [{ max: 5, per: 'day' }, { max: 1_000, per: 'hour' }], concurrent: 100 });
      expect(await admitted(rules, 40)).toHaveLength(5);
    });

    it('tokens that were not used can be used by others, and those that were used beyond the estimate count', async () => {
      const rules = rulesFor({ tokens: [{ max: 1_000, per: 'day' }] });
      const [first, second] = await admitted(rules, 2, 500);
      expect(await admitted(rules, 1, 100)).toHaveLength(0);
      first?.end(100);
      await eventually(async () => (await tried(() => ledger(1).admit(rules, 400))) !== undefined, () => 'What was not used does not come back.');
      second?.end(5_000);
      await eventually(async () => (await tried(() => ledger(0).admit(rules, 1))) === undefined, () => 'What was used beyond the estimate does not count.');
    });

    it('no more are open than may be, and places are free again when requests end', async () => {
      const rules = rulesFor({ concurrent: 6 });
      const open = await admitted(rules, 30);
      expect(open).toHaveLength(6);
      for (const one of open) {
        one.end(undefined);
        one.end(undefined);
      }
      const again: Admission[] = [];
      await eventually(
        async () => {
          const next = await tried(() => ledger(again.length).admit(rules, 0));
          if (next !== undefined) again.push(next);
          return again.length === 6;
        },
        () => `${again.length} places came back.`,
      );
      expect(await admitted(rules, 5)).toHaveLength(0);
    });
  });
}
