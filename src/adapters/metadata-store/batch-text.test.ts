import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UsageEvent } from '../../ports/usage.ts';
import { BatchText } from './batch-text.ts';

const text = new BatchText();
const name = fc.constantFrom('a', 'b', 'a b', '"', 'é');
const nameOrNull = fc.option(name, { nil: null });
const count = fc.constantFrom(0, 1, 330, 2 ** 40);
const share = fc.record({ budget: name, period: name, amount: count, of: fc.constantFrom(10, 20) });

const event: fc.Arbitrary<UsageEvent> = fc.record(
  {
    id: fc.string(),
    time: fc.integer(),
    tenant: fc.constant('acme'),
    service: name,
    model: nameOrNull,
    route: name,
    status: fc.constantFrom(null, 200, 500),
    outcome: fc.constantFrom('completed', 'aborted', 'failed'),
    keySource: fc.constantFrom('tenant', 'platform'),
    credentialId: nameOrNull,
    credentialVersion: fc.constantFrom(null, 1, 2),
    gatewayKeyId: nameOrNull,
    tokenId: nameOrNull,
    attempts: fc.constantFrom(0, 1, 2),
    inputTokens: count,
    outputTokens: count,
    cachedTokens: count,
    cacheWriteTokens: count,
    reasoningTokens: count,
    estimated: fc.boolean(),
    latencyMs: fc.integer(),
    firstTokenMs: fc.option(fc.integer(), { nil: null }),
    cost: fc.option(fc.record({ amount: fc.constantFrom('0', '0.000012'), currency: fc.constantFrom('USD', 'EUR') }), { nil: null }),
    unpriced: fc.boolean(),
    tags: fc.dictionary(name, name, { maxKeys: 2 }),
    endUser: nameOrNull,
    shares: fc.array(share, { maxLength: 3 }),
  },
  { requiredKeys: ['id', 'time', 'tenant', 'service', 'model', 'route', 'status', 'outcome', 'keySource', 'credentialId', 'credentialVersion', 'gatewayKeyId', 'tokenId', 'attempts', 'inputTokens', 'outputTokens', 'cachedTokens', 'cacheWriteTokens', 'reasoningTokens', 'estimated', 'latencyMs', 'firstTokenMs', 'cost', 'unpriced', 'tags', 'endUser'] },
);

const like = (index: number): UsageEvent => ({
  id: `use_01k9zzzzzz${String(index).padStart(14, '0')}`,
  time: 1_795_000_000_000 + index,
  tenant: 'acme',
  service: 'openai',
  model: 'gpt-4o-mini',
  route: 'chat/completions',
  status: 200,
  outcome: 'completed',
  keySource: 'tenant',
  credentialId: 'cred_0123456789abcdef',
  credentialVersion: 1,
  gatewayKeyId: '0123456789abcdef',
  tokenId: null,
  attempts: 1,
  inputTokens: 210,
  outputTokens: 120,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  estimated: false,
  latencyMs: 12,
  firstTokenMs: null,
  cost: { amount: '0.000103', currency: 'USD' },
  unpriced: false,
  tags: {},
  endUser: null,
  shares: [
    { budget: 'bud_0123456789abcdef', period: '2026-11', amount: 103_500, of: 10 ** 15 },
    { budget: 'bud_fedcba9876543210', period: '2026-11-28', amount: 330, of: 10 ** 12 },
  ],
});

describe('what databases keep of a batch of usage events (R5.3)', () => {
  it('is read as it was written, whatever its events have in common', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const batch = { tenant: 'acme', journal: 'j', segment: 3, events };
        expect(text.read(text.write(batch))).toEqual(batch);
      }),
    );
  });

  it('says once what a thousand events say alike', () => {
    const batch = { tenant: 'acme', journal: 'j', segment: 3, events: Array.from({ length: 1_000 }, (_, index) => like(index)) };
    const written = text.write(batch);
    expect(written.length).toBeLessThan(JSON.stringify(batch).length / 6);
    expect(text.read(written)).toEqual(batch);
  });

  it('is read in the form that was kept before', () => {
    const batch = { tenant: 'acme', journal: 'j', segment: 3, events: [like(1), like(2)] };
    expect(text.read(JSON.stringify(batch))).toEqual(batch);
  });

  it('is refused where a text is one that not every database keeps, and told where it is damaged', () => {
    expect(() => text.write({ tenant: 'acme', journal: 'j', segment: 3, events: [{ ...like(1), endUser: 'a\0b' }] })).toThrow('NUL');
    expect(() => text.read('{"tenant":"acme"')).toThrow('cannot be read');
    expect(() => text.read('{"tenant":"acme","journal":"j","segment":3,"common":[],"rows":[[0,"use_1",1,1,null,0,0,0,0,0,null]]}')).toThrow('cannot be read');
  });
});
