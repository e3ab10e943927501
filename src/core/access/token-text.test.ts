import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { assert, constantFrom, integer, property, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasPython } from '../../../test/support/python.ts';
import { toBase62 } from './base62.ts';
import { mintToken, newTokenId, parseToken, tokenDigest, tokenHint } from './token-text.ts';

const kinds = constantFrom('g', 't', 'p', 's');
const format = /^kh_[gtps]_[0-9a-z]{16}_[0-9A-Za-z]{49}$/;
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function fromBase62(text: string): bigint {
  return Array.from(text).reduce((sum, digit) => sum * 62n + BigInt(digits.indexOf(digit)), 0n);
}

describe('token text (S22)', () => {
  it('every minted token has the exact format, and parses to its kind and id', () => {
    assert(
      property(kinds, (kind) => {
        const { id, text } = mintToken(kind, randomBytes);
        expect(text.reveal()).toMatch(format);
        expect(parseToken(text.reveal())).toEqual({ kind, id });
      }),
    );
  });

  it('43 characters hold exactly the 256 random bits, and 6 the CRC-32 of everything before them', () => {
    assert(
      property(uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const secret = Buffer.from(bytes);
        const text = mintToken('g', () => secret, '0123456789abcdef').text.reveal();
        expect(fromBase62(text.slice(22, 65))).toBe(BigInt(`0x${secret.toString('hex')}`));
        expect(fromBase62(text.slice(65))).toBe(BigInt(crc32(text.slice(0, 65))));
      }),
    );
  });

  it('the smallest and the largest secret fit', () => {
    const zero = mintToken('t', (count) => Buffer.alloc(count), '0000000000000000').text.reveal();
    expect(zero.slice(22, 65)).toBe('0'.repeat(43));
    expect(mintToken('t', (count) => Buffer.alloc(count, 0xff), '0000000000000000').text.reveal()).toMatch(format);
  });

  it('known answer, so that no later version spells or digests tokens differently', () => {
    const { text, digest } = mintToken('g', (count) => Buffer.alloc(count, 7), 'aaaaaaaaaaaaaaaa');
    expect(text.reveal()).toMatchInlineSnapshot(`"kh_g_aaaaaaaaaaaaaaaa_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF10HOruZ"`);
    expect(digest).toMatchInlineSnapshot(`"c92af5ee8a7a8abc742096f1681262bb43a14af429b508ef8bb9959c56f584c4"`);
    expect(digest).toBe(tokenDigest(text.reveal()));
  });

  it('one changed character is refused by the checksum, whatever it is and wherever', () => {
    assert(
      property(integer({ min: 0, max: 70 }), constantFrom(...Array.from(digits)), (at, digit) => {
        const text = mintToken('g', randomBytes).text.reveal();
        const changed = text.slice(0, at) + digit + text.slice(at + 1);
        expect(parseToken(changed) === undefined).toBe(changed !== text);
      }),
    );
  });

  it('exact ASCII only: no white space, line end, other digits or letters around or within', () => {
    const text = mintToken('g', randomBytes).text.reveal();
    for (const near of [`${text}\n`, ` ${text}`, `${text} `, text.toUpperCase(), `${text.slice(0, -1)}\u0661`, text.replace('kh_', 'k\u0127_'), `${text}\0`, text.slice(1), `Bearer ${text}`]) {
      expect(parseToken(near)).toBeUndefined();
    }
  });

  it('any text at all gives undefined, never an error', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 90 }), (text) => {
        expect(parseToken(text)).toBeUndefined();
      }),
    );
  });

  it('the digits of ids are equally likely: bytes that would favour some are thrown away', () => {
    const bytes = Buffer.from([255, 254, 253, 252, ...Array.from({ length: 12 }, (_, index) => index)]);
    expect(newTokenId(() => bytes)).toBe('0123456789ab0123');
    const counts = new Map<string, number>();
    for (let round = 0; round < 4_000; round += 1) for (const digit of newTokenId(randomBytes)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect(counts.size).toBe(36);
    const expected = (4_000 * 16) / 36;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 35 degrees of freedom: above 100 once in 10^8 runs.
    expect(chiSquare).toBeLessThan(100);
  });

  it('the digest is of the whole token, not of a part of it', () => {
    const text = mintToken('g', randomBytes).text.reveal();
    const digests = new Set(Array.from(text, (_, at) => tokenDigest(text.slice(0, at))));
    expect(digests.size).toBe(text.length);
    expect(digests.has(tokenDigest(text))).toBe(false);
  });

  it('a minted token prints nothing, and its hint is its last 4 characters', () => {
    const { text } = mintToken('t', randomBytes);
    expect(`${String(text)}${JSON.stringify({ text })}`).not.toContain('kh_');
    expect(tokenHint(text)).toBe(text.reveal().slice(-4));
  });
});

describe('docs/gateway-keys.md for secret scanners', () => {
  const guide = readFileSync(new URL('../../../docs/gateway-keys.md', import.meta.url), 'utf8');

  it('has an expression that finds every kind of token and no other text', () => {
    const source = /^    (kh_\S+)$/mu.exec(guide)?.[1] ?? '';
    const texts = (['g', 't', 'p', 's'] as const).map((kind) => mintToken(kind, randomBytes).text.reveal());
    expect(`key=${texts.join('\n')}. sk-test-nothing kh_g_short`.match(new RegExp(source, 'g'))).toEqual(texts);
  });

  it.skipIf(!hasPython())('has a program that tells tokens from texts that only look so', () => {
    const program = /```python\n(.*?)```/su.exec(guide)?.[1] ?? '';
    const text = mintToken('g', randomBytes).text.reveal();
    const wrong = `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
    const output = execFileSync('python3', ['-c', program], { input: `${text}\n"${wrong}"`, encoding: 'utf8' });
    expect(output).toBe(`${text.slice(0, 21)} is a key of Keyhold's form\n${text.slice(0, 21)} has a wrong checksum\n`);
  });
});

describe('toBase62', () => {
  it('refuses a number that is too long, instead of cutting it', () => {
    expect(toBase62(62n ** 6n - 1n, 6)).toBe('zzzzzz');
    expect(() => toBase62(62n ** 6n, 6)).toThrow(RangeError);
  });
});
