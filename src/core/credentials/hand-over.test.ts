import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testServices } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { handOver } from './hand-over.ts';

const { openai, twilio } = testServices;

function problemOf(run: () => unknown): KeyholdError {
  try {
    run();
  } catch (error) {
    if (error instanceof KeyholdError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('S5: handing over values', () => {
  it.each([
    ['sk-test-0123456789\n', 'api_key ends with a newline; copy it without the line break'],
    [' sk-test-0123456789', 'api_key begins or ends with a space'],
    ['sk-test-0123\n456789', 'api_key contains a line break'],
    ['Bearer sk-test-0123456789', 'api_key contains a space; copy the key alone'],
    ['sk-test-0123\u0000456789', 'api_key contains a character that is not printable ASCII'],
    ['sk-test-schlüssel', 'api_key contains a character that is not printable ASCII'],
    ['sk-test', 'api_key has fewer than 8 characters'],
    ['', 'api_key is empty'],
  ])('refuses %j and says why without quoting it', (value, reason) => {
    const error = problemOf(() => handOver(openai, { api_key: value }));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(reason);
    if (value.length > 0) expect(JSON.stringify([error.message, error.details])).not.toContain(value.trim());
  });

  it('accepts exactly printable ASCII without spaces of 8 characters or more, and never quotes what it refuses', () => {
    const values = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }));
    fc.assert(
      fc.property(values, (value) => {
        const fine = value.length >= 8 && /^[\x21-\x7e]+$/.test(value);
        let message = '';
        try {
          const { fields } = handOver(openai, { api_key: value });
          expect(fields['api_key']?.reveal()).toBe(value);
        } catch (error) {
          message = String(error);
        }
        expect(message === '').toBe(fine);
        if (value.length >= 8) expect(message).not.toContain(value);
      }),
    );
  });

  it('names unknown fields and missing ones together (R3.1)', () => {
    const error = problemOf(() => handOver(twilio, { auth_token: 'tok-test-0123456789', apikey: 'tok-test-0123456789' }));
    expect(error.message).toContain('"apikey" is not a field of twilio, whose fields are account_sid, auth_token, region_hint');
    expect(error.message).toContain('account_sid is missing');
    expect(error.details?.['fields']).toEqual([
      { field: 'apikey', problem: expect.stringContaining('is not a field of twilio') },
      { field: 'account_sid', problem: 'is missing' },
    ]);
  });

  it('takes fields of the object alone, never inherited ones', () => {
    expect(problemOf(() => handOver(openai, Object.create({ api_key: 'sk-test-0123456789' }))).message).toContain('api_key is missing');
    expect(problemOf(() => handOver(openai, JSON.parse('{"api_key":"sk-test-0123456789","__proto__":"sk-test-0123456789"}'))).message).toContain('"__proto__" is not a field');
  });

  it('refuses what no store could keep as one secret (R1.4)', () => {
    expect(handOver(openai, { api_key: `sk-${'x'.repeat(25 * 1024 - 3)}` }).warnings).toEqual([]);
    expect(problemOf(() => handOver(openai, { api_key: `sk-${'x'.repeat(25 * 1024)}` })).message).toContain('api_key makes the secret longer than 25600 bytes');
    const two = { account_sid: 'AC-test-0123456789', auth_token: 'x'.repeat(25 * 1024) };
    expect(problemOf(() => handOver(twilio, two)).details).toEqual({ fields: [{ field: 'auth_token', problem: expect.stringContaining('25600 bytes') }] });
  });

  it('warns about an unusual format and takes the value all the same', () => {
    const { warnings, fields } = handOver(openai, { api_key: 'key-test-0123456789' });
    expect(warnings).toEqual([expect.stringContaining('api_key does not look like what OpenAI usually gives out')]);
    expect(warnings.join()).not.toContain('0123456789');
    expect(fields['api_key']?.reveal()).toBe('key-test-0123456789');
  });

  it('S22: keeps a hint of 4 characters, and none of a short value', () => {
    expect(handOver(twilio, { account_sid: 'AC-test-0123456789-long', auth_token: 'tok-test-01' }).hints).toEqual([
      { name: 'account_sid', hint: 'long' },
      { name: 'auth_token', hint: '' },
    ]);
  });
});
