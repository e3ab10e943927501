import { createCipheriv, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import vectors from '../../../../test/vectors/legacy/legacy-values.json' with { type: 'json' };
import { SecretValue } from '../../../ports/secret-value.ts';
import { type LegacyCipher, openLegacyText } from './legacy-cipher.ts';
import { looksLikeLegacyText } from './legacy-text.ts';

const anything = (): boolean => true;
const isKey = (text: string): boolean => /^[\x21-\x7e]{8,}$/u.test(text);
const settingsOf = ({ cipher, kdf, encoding }: (typeof vectors.values)[number]): LegacyCipher => ({ key: new SecretValue(vectors.passphrase), cipher, kdf, encoding }) as LegacyCipher;
const vectorOf = (title: string): (typeof vectors.values)[number] => vectors.values.find((vector) => vector.title === title)!;
const gcm = vectorOf('GCM, scrypt, hex, the tag behind the ciphertext');
const cbc = vectorOf('CBC, a whole block of padding');

/** Every value that differs from this one in one bit of one part. */
function flipped(value: string): readonly string[] {
  const parts = value.split(':');
  return parts.flatMap((part, at) => {
    const bytes = Buffer.from(part, 'hex');
    return [...bytes.keys()].map((index) => {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      return parts.with(at, changed.toString('hex')).join(':');
    });
  });
}

describe('R3.4: legacy values made by other code', () => {
  it.each(vectors.values)('$title', async (vector) => {
    expect(looksLikeLegacyText(vector.value)).toBe(true);
    expect(await openLegacyText(settingsOf(vector), vector.value, anything)).toBe(vector.text);
  });

  it('opens base64 without its padding, and hex in capitals', async () => {
    const plain = vectorOf('CBC, PBKDF2, base64');
    expect(await openLegacyText(settingsOf(plain), plain.value.replaceAll('=', ''), anything)).toBe(plain.text);
    expect(await openLegacyText(settingsOf(gcm), gcm.value.toUpperCase(), anything)).toBe(gcm.text);
  });

  it.each([
    ['another passphrase', { key: new SecretValue('fake another passphrase') }],
    ['another derivation', { kdf: { name: 'pbkdf2', iterations: 1_000, digest: 'sha256' } }],
    ['other parameters', { kdf: { name: 'scrypt', n: 8_192, r: 8, p: 1 } }],
    ['another encoding', { encoding: 'base64' }],
    ['another cipher', { cipher: 'aes-256-cbc' }],
  ] as const)('is nothing under %s', async (_what, other) => {
    expect(await openLegacyText({ ...settingsOf(gcm), ...other }, gcm.value, isKey)).toBeUndefined();
  });

  it.each(['', ':', '::', 'sk-test-no-legacy-value', 'aa:bb:cc', `${gcm.value}:00:00`, gcm.value.replace(':', '::'), `${gcm.value} `, `x${gcm.value}`, 'a'.repeat(70_000)])('is nothing: %j', async (text) => {
    for (const vector of [gcm, cbc]) expect(await openLegacyText(settingsOf(vector), text, anything)).toBeUndefined();
  });

  it('refuses a GCM value with any byte changed', async () => {
    const fast = vectorOf('GCM, a text that is no key');
    for (const value of flipped(fast.value)) expect(await openLegacyText(settingsOf(fast), value, anything)).toBeUndefined();
  });
});

describe('S18: values without a tag', () => {
  it('count only when the plaintext is what the service gives out', async () => {
    expect(await openLegacyText(settingsOf(cbc), cbc.value, (text) => /^\w{32}$/u.test(text))).toBe(cbc.text);
    expect(await openLegacyText(settingsOf(cbc), cbc.value, (text) => text.startsWith('sk-'))).toBeUndefined();
  });

  it.each(['\x00', '\x11', '!', 'a\x02', '\x03\x02\x03', '\x10', '\x02\x01\x02'])('are nothing with a padding that is none, also where the whole is UTF-8 and could be a key: %j', async (ending) => {
    const [iv, salt] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const settings: LegacyCipher = { key: new SecretValue('fake passphrase'), cipher: 'aes-256-cbc', kdf: { name: 'pbkdf2', iterations: 1_000, digest: 'sha256' }, encoding: 'hex' };
    const valueOf = (padded: string): string => {
      const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync('fake passphrase', salt, 1_000, 32, 'sha256'), iv).setAutoPadding(false);
      return [iv, salt, Buffer.concat([cipher.update(padded, 'latin1'), cipher.final()])].map((part) => part.toString('hex')).join(':');
    };
    expect(await openLegacyText(settings, valueOf(`${'k'.repeat(31)}\x01`), anything)).toBe('k'.repeat(31));
    expect(await openLegacyText(settings, valueOf(`${'k'.repeat(32 - ending.length)}${ending}`), anything)).toBeUndefined();
  });

  it('with a byte changed are nothing, whichever of the three checks it is that fails, and each is looked at every time', async () => {
    const outcomes = new Set<unknown>();
    let looks = 0;
    const values = flipped(cbc.value);
    for (const value of values) {
      outcomes.add(
        await openLegacyText(settingsOf(cbc), value, (text) => {
          looks += 1;
          return text === cbc.text;
        }),
      );
    }
    expect([...outcomes]).toEqual([undefined]);
    expect(looks).toBe(values.length);
  });
});
