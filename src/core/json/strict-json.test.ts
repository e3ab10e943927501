import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { KeyholdError } from '../../ports/errors.ts';
import { parseStrictJson } from './strict-json.ts';

function refusal(body: string | Buffer): string {
  try {
    parseStrictJson(Buffer.isBuffer(body) ? body : Buffer.from(body));
  } catch (error) {
    expect(error).toBeInstanceOf(KeyholdError);
    expect(error).toMatchObject({ code: 'invalid_argument' });
    return (error as KeyholdError).publicMessage;
  }
  throw new Error('It was accepted.');
}

describe('parseStrictJson (R0.3)', () => {
  it('R0.3 reads what JSON.parse reads, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(text.isWellFormed() && !text.includes('\\u0000') && !/\\ud[89a-f]/i.test(text));
        expect(JSON.stringify(parseStrictJson(Buffer.from(text)))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('R0.3 refuses exactly the texts that JSON.parse refuses, besides its own rules', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-', '0', '.5', 'e3', 'true', 'nul', ' ', '\\', '\n'), { maxLength: 9 }), (parts) => {
        const text = parts.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          refusal(text);
          return;
        }
        try {
          expect(JSON.stringify(parseStrictJson(Buffer.from(text)))).toBe(JSON.stringify(expected));
        } catch (error) {
          expect((error as KeyholdError).publicMessage).toMatch(/appears twice|is too large/u);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('R0.3 refuses a duplicate key at any depth and says where', () => {
    expect(refusal('{"a":1,"a":2}')).toContain('"a" appears twice at the top level');
    expect(refusal('{"fields":{"api_key":"x","api_key":"y"}}')).toContain('"api_key" appears twice at "fields"');
    expect(refusal('[[{"a":1,"\\u0061":2}]]')).toContain('at "0.0"');
  });

  it('R0.3 refuses a NUL and a lone surrogate, as escapes, in values and in keys', () => {
    expect(refusal('{"name":"a\\u0000b"}')).toContain('NUL');
    expect(refusal('{"name":"\\ud800"}')).toContain('"name"');
    expect(refusal('{"name":"\\udc00\\ud800"}')).toContain('surrogate');
    expect(refusal('{"\\ud83d":1}')).toContain('surrogate');
    expect(refusal('{"a\\u0000":1}')).toContain('NUL');
    expect(refusal('{"a":"\u0000"}')).toContain('control character');
  });

  it('R0.3 keeps emoji exactly, as text and as a pair of escapes', () => {
    expect(parseStrictJson(Buffer.from('{"name":"🔑\\ud83d\\udd11"}'))).toEqual({ name: '🔑🔑' });
  });

  it('R0.3 says which byte is not UTF-8', () => {
    expect(refusal(Buffer.from([0x22, 0x61, 0xff, 0x22]))).toContain('byte 3 ');
    expect(refusal(Buffer.from([0x22, 0xc3]))).toContain('byte 2 ');
    expect(refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toContain('not UTF-8');
    expect(refusal(Buffer.from('\uFEFF{}'))).toContain('byte order mark');
  });

  it('bounds depth and numbers', () => {
    expect(refusal('['.repeat(100_000))).toContain('nests deeper');
    expect(refusal('{"a":1e999}')).toContain('too large');
  });

  it('takes __proto__ and constructor as keys like any other', () => {
    const value = parseStrictJson(Buffer.from('{"__proto__":{"admin":true},"constructor":1}'));
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('R10.1 never quotes a value', () => {
    expect(refusal('{"apiKey": sk-test-secret-value}')).not.toContain('sk-test');
    expect(refusal('{"apiKey": "sk-test-secret-value')).not.toContain('sk-test');
    expect(refusal('{"apiKey": "sk-test-secret-value\\x"}')).not.toContain('sk-test');
  });
});
