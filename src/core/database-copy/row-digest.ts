import { createHash } from 'node:crypto';
import type { Row } from '../../ports/metadata/transfer.ts';

const MODULUS = 2n ** 256n;

/**
 * What a set of rows is recognised by, in whichever order they come: how many there are, and the sum of their hashes. It finds what was lost or changed by
 * accident; whoever can write into a database could make another set of the same sum.
 */
export class RowDigest {
  #count = 0;
  #sum = 0n;

  add({ key, revision, body }: Row): void {
    const hash = createHash('sha256').update(JSON.stringify([key, revision, body])).digest('hex');
    this.#sum = (this.#sum + BigInt(`0x${hash}`)) % MODULUS;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /** 64 hexadecimal digits. */
  get text(): string {
    return this.#sum.toString(16).padStart(64, '0');
  }
}
