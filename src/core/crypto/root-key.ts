import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Length of every key here, in bytes. */
export const KEY_BYTES = 32;

/** The one key above all data keys (S12). Its bytes never leave it; what is used are subkeys. */
export class RootKey {
  /** `root_` and 16 hexadecimal digits. */
  readonly id: string;
  readonly #key: KeyObject;

  constructor(id: string, bytes: Buffer) {
    this.id = id;
    this.#key = createSecretKey(bytes);
  }

  /**
   * A 32-byte key for one purpose (`data-keys`, `field-digest`, `idempotency` …), always the same for the same purpose and
   * independent of every other one (S13).
   */
  subkey(purpose: string): Buffer {
    return this.#derive(`keyhold/1/root/${purpose}`);
  }

  /** What stands for this key and its id in public: fixes both, tells nothing about the key. 64 hexadecimal digits. */
  commitment(): string {
    return this.#derive('keyhold/1/root-commitment').toString('hex');
  }

  #derive(info: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#key, this.id, info, KEY_BYTES));
  }
}
