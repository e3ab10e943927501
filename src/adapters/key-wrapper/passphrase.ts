import { argon2, createSecretKey, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from '../../core/crypto/envelope.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';
import { type PassphraseSalt, PassphraseSalts } from './passphrase-salts.ts';

const KEY_BYTES = 32;
const derive = promisify(argon2);

export interface PassphraseOptions {
  /** `KEYHOLD_KEY_PASSPHRASE`. It counts in Unicode's composed form (NFC), in UTF-8. */
  readonly passphrase: SecretValue;
  /** Absolute path of the file with its salt and parameters. */
  readonly file: string;
  /** Whether a missing file may be made: only while no database keeps anything under the passphrase, or when it is to be. */
  readonly mayCreate: boolean;
  readonly random: RandomBytes;
}

/**
 * Wraps by a key that Argon2id makes of a passphrase: 64 MiB, three passes, four lanes (RFC 9106). Its salt lies in a file outside the database.
 * Throws `StartError` 6 when that file is missing although something was wrapped, or is not what Keyhold made.
 */
export async function openPassphrase({ passphrase, file, mayCreate, random }: PassphraseOptions): Promise<KeyWrapper> {
  const salts = new PassphraseSalts(file, random);
  if ((await salts.all()).length === 0 && !mayCreate) {
    throw new StartError(6, `${file}, which holds the salt of the passphrase, is missing. Without it the passphrase opens nothing. Restore it from your backup, or point KEYHOLD_KEY_FILE to where it was (the file's name without .passphrase).`);
  }
  return new PassphraseWrapper(passphrase, salts, random);
}

class PassphraseWrapper implements KeyWrapper {
  readonly kind = 'passphrase';
  readonly place: string;
  readonly #passphrase: SecretValue;
  readonly #salts: PassphraseSalts;
  readonly #random: RandomBytes;
  /** By their salts: each takes a good part of a second to make. */
  readonly #keys = new Map<string, KeyObject>();

  constructor(passphrase: SecretValue, salts: PassphraseSalts, random: RandomBytes) {
    this.place = salts.file;
    this.#passphrase = passphrase;
    this.#salts = salts;
    this.#random = random;
  }

  /** Under a salt of its own, which is on disk before: a passphrase that takes another one's place never shares its salt. */
  async wrap(rootKey: Buffer, context: Buffer): Promise<Buffer> {
    return sealEnvelope(await this.#envelope(await this.#salts.add(), context), rootKey, this.#random);
  }

  async unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer> {
    let refused: unknown = new KeyholdError('corrupt', 'There is no salt that the root key could have been wrapped under.');
    for (const salt of await this.#salts.all()) {
      try {
        return openEnvelope(await this.#envelope(salt, context), wrapped);
      } catch (error) {
        if (!(error instanceof KeyholdError && error.code === 'corrupt')) throw error;
        refused = error;
      }
    }
    throw refused;
  }

  async #envelope(salt: PassphraseSalt, context: Buffer): Promise<EnvelopeContext> {
    const name = salt.salt.toString('base64');
    const key = this.#keys.get(name) ?? (await this.#derived(salt));
    this.#keys.set(name, key);
    return { key, purpose: 'root-key', aad: context };
  }

  async #derived({ salt, memoryKiB, passes, lanes }: PassphraseSalt): Promise<KeyObject> {
    // Systems and keyboards differ in how they compose a letter; the passphrase is the same (RFC 8265, section 4.2.2).
    const bytes = await derive('argon2id', { message: this.#passphrase.reveal().normalize('NFC'), nonce: salt, memory: memoryKiB, passes, parallelism: lanes, tagLength: KEY_BYTES });
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return key;
  }
}
