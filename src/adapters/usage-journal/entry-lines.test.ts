import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UsageEvent, UsageStart } from '../../ports/usage.ts';
import { endLine, parseLine, roomForEnd, startLine } from './entry.ts';
import { EntryLines } from './entry-lines.ts';
import { sampleEnd, sampleStart } from './journal-samples.ts';

const odd = fc.constantFrom('gpt-4o', 'x', 'ä', '"', '\\', '\0', '\ud800', '\n', 'y'.repeat(600), '');
const oddOrNull = fc.option(odd, { nil: null });
const id = fc.constantFrom('use_1', 'use_2', 'use "3"', 'use ü');
const number = fc.constantFrom(0, 1, 77, 2 ** 52, -1, 1.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY);
const short = fc.constantFrom('bud_1', '2026-11', 'ä', '"', '\n', '');
const shares = fc.option(fc.array(fc.record({ budget: short, period: short, amount: number, of: number }), { maxLength: 3 }), { nil: undefined });
const tags = fc.constantFrom<Readonly<Record<string, string>>>({}, { team: 'search' }, { 'a"': 'ü' }, { a: 'y'.repeat(2_000) });

const named = {
  id,
  service: fc.constantFrom('openai', 'anthropic'),
  model: oddOrNull,
  route: fc.constantFrom('chat/completions', 'embeddings'),
  keySource: fc.constantFrom('tenant' as const, 'platform' as const),
  credentialId: fc.constantFrom(null, 'cred_1', 'cred_2'),
  credentialVersion: fc.constantFrom(null, 1, 2),
  gatewayKeyId: fc.constantFrom(null, 'a', 'b'),
  tokenId: fc.constantFrom(null, 'a', 'c'),
  tags,
  endUser: oddOrNull,
  shares,
};
const start = fc.record({ ...named, startedAt: number, estimatedInputTokens: number, estimatedCost: fc.option(number, { nil: undefined }) }).map((changes) => sampleStart('use_0', changes));
const end = fc
  .record({
    ...named,
    time: number,
    status: fc.constantFrom(null, 200, 503),
    outcome: fc.constantFrom('completed' as const, 'aborted' as const, 'failed' as const),
    attempts: number,
    inputTokens: number,
    outputTokens: number,
    estimated: fc.boolean(),
    latencyMs: number,
    firstTokenMs: fc.option(number, { nil: null }),
    cost: fc.option(fc.record({ amount: fc.constantFrom('0', '0.000012', '1"'), currency: fc.constantFrom('USD', '"') }), { nil: null }),
    unpriced: fc.boolean(),
  })
  .map((changes) => sampleEnd(sampleStart('use_0'), changes));

/** As it is read again; a field that says nothing is left out. */
const asJson = (value: UsageStart | UsageEvent): unknown => JSON.parse(JSON.stringify(value));

describe('the lines of a usage journal\'s entries (R5.3)', () => {
  it('say the same as those that are written field by field, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(start, end), { minLength: 1, maxLength: 12 }), (requests) => {
        const lines = new EntryLines();
        for (const [begun, ended] of requests) {
          const first = lines.start(begun);
          const expected = startLine(begun);
          expect(parseLine(first.text)).toEqual(parseLine(expected.text));
          expect(asJson(first.start)).toEqual(asJson(expected.start));
          expect(first.bytes).toBe(Buffer.byteLength(first.text));
          const room = roomForEnd(first.bytes);
          const last = lines.end(ended, room);
          const same = endLine(ended, room);
          expect(parseLine(last.text)).toEqual(parseLine(same.text));
          expect(asJson(last.event)).toEqual(asJson(same.event));
          expect(last.bytes).toBe(Buffer.byteLength(last.text));
          expect(last.bytes).toBeLessThanOrEqual(room);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are one line each, for more callers and budgets than are remembered', () => {
    const lines = new EntryLines();
    for (let index = 0; index < 2_500; index += 1) {
      const begun = sampleStart(`use_${index}`, { gatewayKeyId: `key-${index % 1_200}`, model: `m-${index % 7}`, shares: [{ budget: `bud_${index}`, period: '2026-11', amount: 1, of: 2 }] });
      const { text } = lines.start(begun);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(parseLine(text)).toEqual({ start: begun });
    }
  });
});
