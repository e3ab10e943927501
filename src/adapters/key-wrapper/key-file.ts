import { createSecretKey, type KeyObject } from 'node:crypto';
import { decodeBase64 } from '../../core/crypto/base64.ts';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from '../../core/crypto/envelope.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { StartError } from '../../ports/start-error.ts';
import { lineOf } from './one-line.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';
import { rootPinFile } from './root-pin-file.ts';

const KEY_BYTES = 32;

export interface KeyFileOptions {
  /** Absolute path of the key file (`KEYHOLD_KEY_FILE`). */
  readonly file: string;
  /** Whether a missing one may be made: only while no database keeps anything under it (S15). */
  readonly mayCreate: boolean;
  /** The root key is at hand and is to be wrapped anew: its pin, which may stand beside the file that is to be, is no sign of a lost key. */
  readonly rewraps?: boolean;
  readonly random: RandomBytes;
}

/**
 * Opens the key file, or makes it: 32 bytes as base64 in one line (R0.1), readable by its owner alone. Throws `StartError`: 6
 * when it is missing, not private or not a key, 4 when it cannot be made, 8 when the disk is full. No message quotes the content.
 */
export async function openKeyFile(options: KeyFileOptions): Promise<KeyWrapper> {
  const { file, random } = options;
  const text = (await readPrivateFile(file)) ?? (await makeKey(options));
  return new KeyFileWrapper(file, keyOf(file, text), random);
}

class KeyFileWrapper implements KeyWrapper {
  readonly kind = 'key-file';
  readonly place: string;
  readonly #key: KeyObject;
  readonly #random: RandomBytes;

  constructor(file: string, key: KeyObject, random: RandomBytes) {
    this.place = file;
    this.#key = key;
    this.#random = random;
  }

  async wrap(rootKey: Buffer, context: Buffer): Promise<Buffer> {
    return sealEnvelope(this.#envelope(context), rootKey, this.#random);
  }

  async unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer> {
    return openEnvelope(this.#envelope(context), wrapped);
  }

  #envelope(context: Buffer): EnvelopeContext {
    return { key: this.#key, purpose: 'root-key', aad: context };
  }
}

async function makeKey({ file, mayCreate, rewraps = false, random }: KeyFileOptions): Promise<string> {
  if (!mayCreate) {
    throw new StartError(
      6,
      `The key file ${file} is missing. The database was made with it, and a new one would lose every kept key, so none is made. Restore it from your backup, or point KEYHOLD_KEY_FILE to where it is now.`,
    );
  }
  const pin = rootPinFile(file, random);
  if (!rewraps && (await pin.read()) !== undefined) {
    throw new StartError(
      6,
      `The key file ${file} is missing, but ${pin.place}, which belongs to it, is there. Restore the key file from your backup. To begin anew with an empty database, move the .root file away.`,
    );
  }
  const bytes = random(KEY_BYTES);
  const text = `${bytes.toString('base64')}\n`;
  bytes.fill(0);
  if (await createPrivateFile(file, text, random)) return text;
  const other = await readPrivateFile(file);
  if (other === undefined) throw new StartError(6, `The key file ${file} appeared and vanished while Keyhold was starting. Find out what removes it, and start again.`);
  return other;
}

function keyOf(file: string, text: string): KeyObject {
  if (text.length === 0) throw wrong(file, 'is empty');
  const line = lineOf(text);
  if (line === undefined) throw wrong(file, text.includes('\r') ? 'has a carriage return (it was saved with Windows line ends)' : 'has more than one line');
  if (line !== line.trim()) throw wrong(file, 'has a space at the start or the end of its line');
  const bytes = decodeBase64(line);
  if (bytes === undefined) throw wrong(file, 'does not hold base64');
  if (bytes.length !== KEY_BYTES) throw wrong(file, `holds a key of ${bytes.length} bytes`);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

function wrong(file: string, what: string): StartError {
  return new StartError(
    6,
    `The key file ${file} ${what}. It must hold 32 bytes as base64 in one line, as Keyhold or \`openssl rand -base64 32\` makes it. Restore it from your backup; do not make a new one for a database that is in use.`,
  );
}
