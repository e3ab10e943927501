import { randomBytes } from 'node:crypto';
import { assert, asyncProperty, uint8Array } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyWrapper } from '../../src/ports/key-wrapper.ts';

interface WrapperUnderTest {
  readonly wrapper: KeyWrapper;
  /** The same wrapping key, opened once more as the next start opens it. */
  readonly again: () => Promise<KeyWrapper>;
  /** Of the same kind with another wrapping key. */
  readonly other: () => Promise<KeyWrapper>;
  readonly close?: () => Promise<void>;
}

export interface KeyWrapperContractOptions {
  readonly create: () => Promise<WrapperUnderTest>;
  /** How many changed bytes are tried: the whole of what is wrapped, unless each costs a round trip or a slow derivation. */
  readonly changes?: number;
}

const context = Buffer.from('context of the contract');
const corrupt = expect.objectContaining({ code: 'corrupt' });

/** The rules of the port, for every wrapper. */
export function keyWrapperContract(name: string, { create, changes = 2_000 }: KeyWrapperContractOptions): void {
  describe(`S12: the key wrapper ${name}`, () => {
    let subject: WrapperUnderTest;
    const root = randomBytes(32);

    beforeAll(async () => {
      subject = await create();
    });

    afterAll(async () => subject.close?.());

    it('gives the root key back, also at the next start', async () => {
      const wrapped = await subject.wrapper.wrap(Buffer.from(root), context);
      expect((await subject.wrapper.unwrap(wrapped, context)).equals(root)).toBe(true);
      expect((await (await subject.again()).unwrap(wrapped, context)).equals(root)).toBe(true);
    });

    it('wraps differently each time, and shows nothing of the root key', async () => {
      const [one, two] = [await subject.wrapper.wrap(Buffer.from(root), context), await subject.wrapper.wrap(Buffer.from(root), context)];
      expect(one.equals(two)).toBe(false);
      for (const wrapped of [one, two]) for (let from = 0; from <= root.length - 8; from += 1) expect(wrapped.includes(root.subarray(from, from + 8))).toBe(false);
      expect((await subject.wrapper.unwrap(one, context)).equals(root)).toBe(true);
      expect((await subject.wrapper.unwrap(two, context)).equals(root)).toBe(true);
    });

    it('S13 refuses another context', async () => {
      const wrapped = await subject.wrapper.wrap(Buffer.from(root), context);
      for (const other of [Buffer.from('another'), Buffer.alloc(0), context.subarray(0, -1), Buffer.concat([context, Buffer.of(0)])]) {
        await expect(subject.wrapper.unwrap(wrapped, other)).rejects.toThrow(corrupt);
      }
    });

    it('refuses what another key has wrapped', async () => {
      const wrapped = await (await subject.other()).wrap(Buffer.from(root), context);
      await expect(subject.wrapper.unwrap(wrapped, context)).rejects.toThrow(corrupt);
    });

    it('refuses every changed byte, and every other length', async () => {
      const wrapped = await subject.wrapper.wrap(Buffer.from(root), context);
      const places = wrapped.length <= changes ? Array.from(wrapped.keys()) : spread(wrapped.length, changes);
      for (const place of places) {
        const changed = Buffer.from(wrapped);
        changed.writeUInt8(wrapped.readUInt8(place) ^ (1 << (place % 8)), place);
        await expect(subject.wrapper.unwrap(changed, context), `byte ${place} of ${wrapped.length}`).rejects.toThrow(corrupt);
      }
      for (const other of [Buffer.alloc(0), wrapped.subarray(0, -1), wrapped.subarray(1), Buffer.concat([wrapped, Buffer.of(0)])]) {
        await expect(subject.wrapper.unwrap(other, context)).rejects.toThrow(corrupt);
      }
    });

    it('refuses whatever else is put in its place', async () => {
      await assert(
        asyncProperty(uint8Array({ maxLength: 300 }), async (bytes) => {
          await expect(subject.wrapper.unwrap(Buffer.from(bytes), context)).rejects.toThrow(corrupt);
        }),
        { numRuns: Math.min(50, changes) },
      );
    });

    it('names its place for people, without a secret', () => {
      expect(subject.wrapper.place).toMatch(/^[\x20-\x7e]{3,}$/);
      expect(subject.wrapper.kind).toBe(name);
    });
  });
}

/** The first bytes, which say the format, the last ones, and others between. */
function spread(length: number, count: number): number[] {
  const heads = Array.from({ length: Math.min(6, count) }, (_, index) => index);
  const rest = Array.from({ length: count - heads.length }, (_, index) => length - 1 - Math.floor((index * (length - heads.length)) / Math.max(1, count - heads.length)));
  return [...heads, ...rest];
}
