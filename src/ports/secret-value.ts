import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * A plaintext secret on its way through the process. Printing, serialising or inspecting it gives `[secret]`; only `reveal()`
 * gives the text, so that a log line or an error can never hold a key by accident (R10.1).
 */
export class SecretValue {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** All secret fields of one version of a credential, by field name. */
export type SecretFields = Readonly<Record<string, SecretValue>>;
