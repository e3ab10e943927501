import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from './envelope.ts';

const context: EnvelopeContext = { key: createSecretKey(Buffer.alloc(32, 1)), purpose: 'value', aad: Buffer.from('place') };
const plain = Buffer.from('sk-test-envelope');
const corrupt = expect.objectContaining({ code: 'corrupt' });

function opening(sealed: Buffer, change: Partial<EnvelopeContext> = {}): () => Buffer {
  return () => openEnvelope({ ...context, ...change }, sealed);
}

describe('S13: an envelope', () => {
  it('gives back what was sealed, and draws a salt of 32 bytes and a nonce of 12', () => {
    const drawn: number[] = [];
    const random = (count: number): Buffer => {
      drawn.push(count);
      return randomBytes(count);
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(openEnvelope(context, sealEnvelope(context, Buffer.from(bytes), random)).equals(bytes)).toBe(true);
      }),
    );
    expect(new Set(drawn)).toEqual(new Set([32, 12]));
  });

  it('is another one each time', () => {
    const sealed = new Set(Array.from({ length: 50 }, () => sealEnvelope(context, plain, randomBytes).subarray(33).toString('hex')));
    expect(sealed.size).toBe(50);
  });

  it('is refused with any byte changed, cut off or added', () => {
    const sealed = sealEnvelope(context, plain, randomBytes);
    for (let index = 0; index < sealed.length; index += 1) {
      for (const bit of [0x01, 0x80]) {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(sealed.readUInt8(index) ^ bit, index);
        expect(opening(changed), `byte ${index}`).toThrow(corrupt);
      }
      expect(opening(sealed.subarray(0, index)), `first ${index} bytes`).toThrow(corrupt);
    }
    expect(opening(Buffer.concat([sealed, Buffer.of(0)]))).toThrow(corrupt);
  });

  it('is refused under another key, purpose or context', () => {
    const sealed = sealEnvelope(context, plain, randomBytes);
    expect(opening(sealed, { key: createSecretKey(Buffer.alloc(32, 2)) })).toThrow(corrupt);
    expect(opening(sealed, { purpose: 'data-key' })).toThrow(corrupt);
    for (const index of context.aad.keys()) {
      const changed = Buffer.from(context.aad);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(opening(sealed, { aad: changed }), `byte ${index} of the context`).toThrow(corrupt);
    }
    expect(opening(sealed, { aad: Buffer.from('plac') })).toThrow(corrupt);
    expect(opening(sealed, { aad: Buffer.alloc(0) })).toThrow(corrupt);
  });
});
