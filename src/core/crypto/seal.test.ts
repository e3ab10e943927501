import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { DataKey } from './data-keys.ts';
import { openValue, type SealedPlace, sealValue } from './seal.ts';

const dataKey: DataKey = { id: 'dk_1', key: createSecretKey(Buffer.alloc(32, 3)) };
const place: SealedPlace = { name: { scope: tenantScope('acme'), service: 'openai', label: 'default' }, field: 'api_key', version: 1 };
const value = new SecretValue('sk-test-seal-0123456789');
const corrupt = expect.objectContaining({ code: 'corrupt' });

function lengthOf(characters: number): number {
  return Buffer.from(sealValue(dataKey, place, new SecretValue('x'.repeat(characters)), randomBytes), 'base64').length;
}

describe('S13: a sealed value', () => {
  it('gives back any text exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(openValue(dataKey, place, sealValue(dataKey, place, new SecretValue(text), randomBytes)).reveal()).toBe(text);
      }),
    );
    for (const text of ['', '\u{feff}mark', 'zeros\0\0', '\u0080', 'x'.repeat(25_000)]) {
      expect(openValue(dataKey, place, sealValue(dataKey, place, new SecretValue(text), randomBytes)).reveal()).toBe(text);
    }
  });

  it('is refused with any bit changed', () => {
    const sealed = Buffer.from(sealValue(dataKey, place, value, randomBytes), 'base64');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(sealed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => openValue(dataKey, place, changed.toString('base64')), `bit ${bit}`).toThrow(corrupt);
    }
  });

  it('is refused as any other text that decodes to the same bytes', () => {
    const sealed = sealValue(dataKey, place, value, randomBytes);
    expect(sealed.endsWith('=')).toBe(true);
    for (const text of [`${sealed}\n`, ` ${sealed}`, sealed.replace(/=+$/, ''), `${sealed}=`, '', '!']) {
      expect(() => openValue(dataKey, place, text)).toThrow(corrupt);
    }
  });

  it('opens in its own place alone', () => {
    const sealed = sealValue(dataKey, place, value, randomBytes);
    const { name } = place;
    const others: readonly SealedPlace[] = [
      { ...place, name: { ...name, scope: tenantScope('acme2') } },
      { ...place, name: { ...name, scope: platformScope } },
      { ...place, name: { ...name, service: 'anthropic' } },
      { ...place, name: { ...name, label: 'Default' } },
      { ...place, name: { ...name, service: 'openaid', label: 'efault' } },
      { ...place, field: 'api_keys' },
      { ...place, version: 2 },
      { ...place, version: 11 },
    ];
    for (const other of others) expect(() => openValue(dataKey, other, sealed), JSON.stringify(other)).toThrow(corrupt);
    expect(() => openValue({ ...dataKey, id: 'dk_2' }, place, sealed)).toThrow(corrupt);
    expect(() => openValue({ id: 'dk_1', key: createSecretKey(Buffer.alloc(32, 4)) }, place, sealed)).toThrow(corrupt);
  });

  it('keeps the platform apart from a tenant of any name', () => {
    const platform: SealedPlace = { ...place, name: { ...place.name, scope: platformScope } };
    const sealed = sealValue(dataKey, platform, value, randomBytes);
    for (const tenant of ['', 'platform']) {
      expect(() => openValue(dataKey, { ...place, name: { ...place.name, scope: tenantScope(tenant) } }, sealed)).toThrow(corrupt);
    }
  });

  it('does not tell the length of a value within 64 bytes', () => {
    expect(lengthOf(63)).toBe(lengthOf(0));
    expect(lengthOf(64)).toBe(lengthOf(63) + 64);
  });

  it('refuses text that would come back changed', () => {
    expect(() => sealValue(dataKey, place, new SecretValue('half \ud83d'), randomBytes)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
