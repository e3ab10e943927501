import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, dollars, nanoDollars, wholeUnits } from './money.ts';

describe('money as a decimal text (R0.3)', () => {
  it('is exact to the nano-dollar, without needless zeros, both ways', () => {
    expect([0, 1, 27_500, 1_000_000_000, 12_500_000_000, Number.MAX_SAFE_INTEGER].map((nano) => dollars(nano).amount)).toEqual(['0', '0.000000001', '0.0000275', '1', '12.5', '9007199.254740991']);
    expect(dollars(1)).toEqual({ amount: '0.000000001', currency: 'USD' });
    fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (nano) => nanoDollars(dollars(nano)) === nano));
  });

  it('reads plain decimals that are as fine as asked, and nothing else', () => {
    expect(['2.5', '0', '0.075', '600', '0.000001', '2.5000000'].map((text) => wholeUnits(text, 6))).toEqual([2_500_000, 0, 75_000, 600_000_000, 1, 2_500_000]);
    expect(['', '.5', '5.', '-1', '+1', '1e3', '0x1', ' 1', '1,5', '0.0000001', '12345678901', '999999999.999999999999', '٣'].map((text) => wholeUnits(text, 6))).toEqual(Array.from({ length: 13 }, () => undefined));
    fc.assert(fc.property(fc.nat({ max: 999_999_999 }), (units) => wholeUnits(decimal(units, 6), 6) === units));
  });
});
