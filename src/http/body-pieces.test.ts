import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BodyPieces } from './body-pieces.ts';

it('gives back what was added, however it came', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 2_000, max: 5_000 }), fc.integer({ min: 0, max: 70_000 })), { maxLength: 30 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const body = Buffer.from(Array.from({ length: lengths.reduce((sum, length) => sum + length, 0) }, (_, at) => at % 251));
      const pieces = new BodyPieces();
      let at = 0;
      for (const length of lengths) {
        pieces.add(body.subarray(at, at + length));
        at += length;
      }
      expect(pieces.size).toBe(body.length);
      expect(pieces.whole().equals(body)).toBe(true);
    }),
  );
});

it('passes a body of one piece on without a copy', () => {
  const body = Buffer.from('{}');
  const pieces = new BodyPieces();
  pieces.add(body);
  expect(pieces.whole()).toBe(body);
});

it('S34 a body that comes byte by byte takes little more memory than it is long', () => {
  const body = Buffer.alloc(1024 * 1024, 0x20);
  const pieces = new BodyPieces();
  const before = memory();
  for (let at = 0; at < body.length; at += 1) pieces.add(body.subarray(at, at + 1));
  // Held one by one they would take some 200 MiB; what is not collected yet is counted here too.
  expect(memory() - before).toBeLessThan(80 * 1024 * 1024);
  expect(pieces.whole().equals(body)).toBe(true);
});

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
