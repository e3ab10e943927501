import { KeyholdError } from '../../ports/errors.ts';

/** Lengths are rounded up to a multiple of this, so that what is encrypted does not tell how long it is. */
const BLOCK = 64;
const MARK = 0x80;

/** ISO/IEC 7816-4: one byte 0x80, then zeros up to the block's end. The bytes given are emptied. */
export function pad(bytes: Buffer): Buffer {
  const padded = Buffer.alloc((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
  bytes.copy(padded);
  padded[bytes.length] = MARK;
  bytes.fill(0);
  return padded;
}

/** The part before the padding. Throws `corrupt` where there is none. */
export function unpad(padded: Buffer): Buffer {
  const mark = padded.lastIndexOf(MARK);
  if (mark === -1 || padded.subarray(mark + 1).some((byte) => byte !== 0)) throw new KeyholdError('corrupt', 'A sealed value was not padded as its format says.');
  return padded.subarray(0, mark);
}
