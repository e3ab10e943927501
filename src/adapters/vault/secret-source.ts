import { readFile } from 'node:fs/promises';
import { SecretValue } from '../../ports/secret-value.ts';
import type { SecretFile } from './vault-auth.ts';

/** Longer than any token or service account's token. */
const LONGEST = 64 * 1024;

/** What Keyhold signs in with: a fixed value, or a file that whoever renews it may replace at any time. */
export class SecretSource {
  readonly #given: SecretValue | SecretFile;
  #last: string | undefined;

  constructor(given: SecretValue | SecretFile) {
    this.#given = given;
  }

  /** What it is now. Throws `SecretUnreadable`. */
  async read(): Promise<SecretValue> {
    this.#last = await this.#text();
    return new SecretValue(this.#last);
  }

  /** Whether there is now something else than what was read last: then what was refused may be let in. */
  async isReplaced(): Promise<boolean> {
    if (this.#given instanceof SecretValue) return false;
    try {
      return (await this.#text()) !== this.#last;
    } catch {
      return false;
    }
  }

  async #text(): Promise<string> {
    if (this.#given instanceof SecretValue) return this.#given.reveal();
    const { file } = this.#given;
    let text: string;
    try {
      text = (await readFile(file, 'utf8')).trim();
    } catch (cause) {
      throw new SecretUnreadable(`${file} cannot be read. It must be a file that the user who runs Keyhold can read.`, { cause });
    }
    if (text === '') throw new SecretUnreadable(`${file} is empty. It must hold what Keyhold signs in to Vault with.`);
    // It goes into a header (S5).
    if (text.length > LONGEST || !/^[\x21-\x7e]+$/u.test(text)) throw new SecretUnreadable(`${file} does not hold one token in one line. Check the path.`);
    return text;
  }
}

/** The message names the file and what to do, never its content. */
export class SecretUnreadable extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'SecretUnreadable';
  }
}
