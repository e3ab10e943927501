import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../ports/secret-value.ts';
import { fieldsDigest } from './digest.ts';

const key = Buffer.alloc(32, 7);

function digest(fields: Record<string, string>, under = key): string {
  return fieldsDigest(under, Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new SecretValue(value)])));
}

describe('the keyed digest of fields', () => {
  it('keeps its published value', () => {
    expect(digest({ account_sid: 'AC-test-1', auth_token: 'tok-test-2' })).toBe('e1d72a99319426156f2ebf01df160cf506ec5b97f635d2e5e14467ebd844daac');
  });

  it('does not depend on the order of the fields', () => {
    expect(digest({ b: '2', a: '1' })).toBe(digest({ a: '1', b: '2' }));
  });

  it('differs for another key', () => {
    expect(digest({ a: '1' }, Buffer.alloc(32, 8))).not.toBe(digest({ a: '1' }));
  });

  it('is equal for equal fields only, wherever the border between names and values runs', () => {
    const fields = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 3 });
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const canonical = (record: Record<string, string>): string => JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
        expect(digest(one) === digest(other)).toBe(canonical(one) === canonical(other));
      }),
    );
    expect(digest({ ab: 'c' })).not.toBe(digest({ a: 'bc' }));
    expect(digest({ a: '', b: '' })).not.toBe(digest({ a: 'b' }));
  });
});
