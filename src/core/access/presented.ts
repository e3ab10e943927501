import { parseToken, tokenDigestBytes, type TokenKind } from './token-text.ts';

type Parsed = { readonly kind: TokenKind; readonly id: string };

/** A text that somebody presented as a token, and what is told by the text alone: found out once, however often the same one is presented. */
export class Presented {
  readonly #text: string;
  #digest: Buffer | undefined;
  /** null: it is spelled like none of ours. */
  #parsed: Parsed | null | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  /** Whether it is this text; compared in constant time. */
  is(text: string): boolean {
    const own = this.#text;
    if (text.length !== own.length) return false;
    let difference = 0;
    for (let at = 0; at < own.length; at += 1) difference |= text.charCodeAt(at) ^ own.charCodeAt(at);
    return difference === 0;
  }

  /** SHA-256 over a context and all of it (S22). */
  get digest(): Buffer {
    this.#digest ??= tokenDigestBytes(this.#text);
    return this.#digest;
  }

  /** As `parseToken`. */
  get parsed(): Parsed | undefined {
    this.#parsed ??= parseToken(this.#text) ?? null;
    return this.#parsed ?? undefined;
  }
}
