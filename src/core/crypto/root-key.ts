import { createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { decodeBase64 } from './base64.ts';
import { frame } from './framing.ts';
import { KeyholdError } from '../../ports/errors.ts';

/** Length of every key here, in bytes. */
export const KEY_BYTES = 32;

const FORMAT = 'keyhold root key 1';

/** The one key above all data keys (S12). Its bytes leave it wrapped alone; what is used are subkeys. */
export class RootKey {
  /** `root_` and 16 hexadecimal digits. */
  readonly id: string;
  readonly #key: KeyObject;

  constructor(id: string, bytes: Buffer) {
    this.id = id;
    this.#key = createSecretKey(bytes);
  }

  /** The key that these bytes (base64) hold wrapped. Throws `corrupt` when this wrapper did not wrap it, or for another id; `unavailable`. */
  static async unwrapped(wrapper: KeyWrapper, id: string, wrapped: string): Promise<RootKey> {
    const sealed = decodeBase64(wrapped);
    if (sealed === undefined) throw notWrapped();
    const bytes = await wrapper.unwrap(sealed, contextOf(id));
    if (bytes.length !== KEY_BYTES) throw notWrapped();
    const root = new RootKey(id, bytes);
    bytes.fill(0);
    return root;
  }

  /** The key wrapped, in base64, after it was seen to open again. */
  async wrappedBy(wrapper: KeyWrapper): Promise<string> {
    const bytes = this.#key.export();
    const wrapped = (await wrapper.wrap(bytes, contextOf(this.id))).toString('base64');
    bytes.fill(0);
    const again = await RootKey.unwrapped(wrapper, this.id, wrapped);
    if (!isSameCommitment(again.commitment(), this.commitment())) throw new KeyholdError('internal', 'The root key does not come back as it was wrapped.');
    return wrapped;
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

/** In constant time. */
export function isSameCommitment(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

function contextOf(rootId: string): Buffer {
  return frame([FORMAT, rootId]);
}

function notWrapped(): KeyholdError {
  return new KeyholdError('corrupt', 'What is kept of the root key is no wrapped root key.');
}
