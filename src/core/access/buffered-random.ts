import type { RandomBytes } from '../../ports/clock.ts';

const AT_ONCE = 4_096;

/**
 * The same source, asked for many bytes at a time: a call costs microseconds, however little it brings. For ids alone; what is a
 * secret does not lie about in a buffer before it is used.
 */
export function bufferedRandom(random: RandomBytes): RandomBytes {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  return (count) => {
    if (count > AT_ONCE) return random(count);
    if (at + count > bytes.length) {
      bytes = random(AT_ONCE);
      at = 0;
    }
    at += count;
    return bytes.subarray(at - count, at);
  };
}
