import type { RandomBytes } from '../../ports/clock.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH = 16;
/** Bytes from here on would make the first letters more likely than the others. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** `cred_` and 16 characters, 82 random bits. */
export function newCredentialId(random: RandomBytes): string {
  let id = '';
  while (id.length < LENGTH) {
    for (const byte of random(LENGTH)) {
      if (byte < UNBIASED && id.length < LENGTH) id += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return `cred_${id}`;
}
