import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import spec from '../../../../test/vectors/legacy/fernet-spec.json' with { type: 'json' };
import multi from '../../../../test/vectors/legacy/multi-fernet.json' with { type: 'json' };
import { SecretValue } from '../../../ports/secret-value.ts';
import { isFernetKey, looksLikeFernet, openFernet } from './fernet.ts';

const keysOf = (...texts: readonly string[]): readonly SecretValue[] => texts.map((text) => new SecretValue(text));
const published = keysOf(spec.secret);

describe('R3.4: the published vectors of Fernet', () => {
  it('opens the valid one', () => {
    expect(openFernet(published, spec.valid.token)).toBe(spec.valid.src);
    expect(looksLikeFernet(spec.valid.token)).toBe(true);
  });

  it.each(spec.invalid)('refuses: $desc', ({ token }) => {
    expect(openFernet(published, token)).toBeUndefined();
  });

  it.each(spec.outOfTime)('opens one that is only out of its time, since what is kept does not run out: $desc', ({ token }) => {
    expect(openFernet(published, token)).toBe('');
  });

  it.each([0x00, 0x79, 0x81, 0xff])('refuses one of version %i that its key has signed', (version) => {
    const signedAs = (first: number): string => {
      const bytes = Buffer.from(spec.valid.token, 'base64url').subarray(0, -32);
      bytes[0] = first;
      const mac = createHmac('sha256', Buffer.from(spec.secret, 'base64url').subarray(0, 16)).update(bytes).digest();
      return Buffer.concat([bytes, mac]).toString('base64url').padEnd(spec.valid.token.length, '=');
    };
    expect(openFernet(published, signedAs(0x80))).toBe(spec.valid.src);
    expect(openFernet(published, signedAs(version))).toBeUndefined();
  });

  it('refuses the valid one with any byte changed', () => {
    const bytes = Buffer.from(spec.valid.token, 'base64url');
    for (const index of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const token = changed.toString('base64url').padEnd(spec.valid.token.length, '=');
      expect(openFernet(published, token)).toBeUndefined();
    }
  });
});

describe('R3.4: several keys, as MultiFernet has them', () => {
  it.each(multi.tokens)('opens a token of key $key with all of them, in any order, and not without its own', ({ key, text, token }) => {
    expect(openFernet(keysOf(...multi.keys), token)).toBe(text);
    expect(openFernet(keysOf(...multi.keys.toReversed()), token)).toBe(text);
    expect(openFernet(keysOf(...multi.keys.filter((_, index) => index !== key)), token)).toBeUndefined();
    expect(openFernet([], token)).toBeUndefined();
  });

  it('knows a key by its shape', () => {
    expect(multi.keys.every((key) => isFernetKey(key))).toBe(true);
    for (const text of ['', 'short', multi.keys[0]!.slice(0, -1), `${multi.keys[0]} `, 'ä'.repeat(44)]) expect(isFernetKey(text)).toBe(false);
  });
});
