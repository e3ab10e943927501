import type { RandomBytes } from '../../ports/clock.ts';
import { StartError } from '../../ports/start-error.ts';
import { decodeBase64 } from '../../core/crypto/base64.ts';
import { readPrivateFile, replacePrivateFile } from './private-file.ts';

/** How a key is made of a passphrase, but for the passphrase. */
export interface PassphraseSalt {
  readonly salt: Buffer;
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

/** RFC 9106, section 4, the second recommended option, with one lane more time for it: 64 MiB, t=3, p=4. */
const NEW = { memoryKiB: 65_536, passes: 3, lanes: 4 } as const;
const SALT_BYTES = 16;
/** What fits into a file that is read whole. Nothing is ever forgotten by itself: the oldest may be the one in use, where changes of the passphrase died. */
const MOST = 40;
const LINE = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,88})$/;

/**
 * Salts and parameters in a file of its own, 0600, outside the database: one a line, the newest last, each as the PHC string format writes
 * it without a hash (https://github.com/P-H-C/phc-string-format). Nothing in it is secret, but without it no passphrase opens anything.
 * Throws `StartError` as `readPrivateFile` does, and 6 for any other content.
 */
export class PassphraseSalts {
  readonly file: string;
  readonly #random: RandomBytes;

  constructor(file: string, random: RandomBytes) {
    this.file = file;
    this.#random = random;
  }

  /** The newest first. */
  async all(): Promise<readonly PassphraseSalt[]> {
    const text = await readPrivateFile(this.file);
    if (text === undefined) return [];
    const salts = text.replace(/\n$/, '').split('\n').map(saltOf);
    if (!salts.every((salt) => salt !== undefined)) {
      throw new StartError(6, `${this.file} does not hold the salt of the passphrase (a line $argon2id$v=19$…). Restore it from your backup: without it the passphrase opens nothing.`);
    }
    return salts.toReversed();
  }

  /** Adds one; those that are there stay. Durable when resolved. */
  async add(): Promise<PassphraseSalt> {
    const kept = await this.all();
    if (kept.length >= MOST) throw new StartError(6, `${this.file} holds ${kept.length} salts, of as many changes of the passphrase, and takes no more. Back the file up; then remove a line, and start Keyhold: where it starts, that line is not needed; where it does not, put it back and remove another.`);
    const made: PassphraseSalt = { ...NEW, salt: this.#random(SALT_BYTES) };
    const lines = [...kept.toReversed(), made].map(lineOf);
    await replacePrivateFile(this.file, `${lines.join('\n')}\n`, this.#random);
    return made;
  }
}

function saltOf(line: string): PassphraseSalt | undefined {
  const [, memory, passes, lanes, encoded = ''] = LINE.exec(line) ?? [];
  const salt = decodeBase64(encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '='));
  const parsed = { memoryKiB: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  // Below it a passphrase is guessed too easily; beyond it a start would take the machine's memory.
  const isSensible = parsed.memoryKiB >= 19_456 && parsed.memoryKiB <= 1_048_576 && parsed.passes >= 2 && parsed.lanes >= 1;
  return salt === undefined || !isSensible ? undefined : { ...parsed, salt };
}

function lineOf({ salt, memoryKiB, passes, lanes }: PassphraseSalt): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${salt.toString('base64').replace(/=+$/, '')}`;
}
