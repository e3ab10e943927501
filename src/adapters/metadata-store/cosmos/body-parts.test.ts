import { describe, expect, it } from 'vitest';
import { chunksOf, fitsInOne } from './body-parts.ts';

describe('chunksOf', () => {
  it('cuts where no character is, into pieces that are less than 2 MB as JSON', () => {
    for (const unit of ['x', 'é', '🗝', '"', '\\', '€']) {
      for (const before of ['', 'x']) {
        const body = before + unit.repeat(1_200_000);
        const chunks = chunksOf(body);
        expect(chunks.join('')).toBe(body);
        for (const chunk of chunks) {
          expect(fitsInOne(chunk)).toBe(true);
          expect(chunk.isWellFormed()).toBe(true);
          expect(Buffer.byteLength(JSON.stringify(chunk))).toBeLessThan(1_600_000);
        }
      }
    }
  });
});
