import { randomBytes } from 'node:crypto';

/** One way in which a part of a secret can stand in bytes. */
export interface Trace {
  /** Where the secret was used, for people. */
  readonly place: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Characters that other encodings escape; a key may hold them (S5). The end is what a hint may show. */
const TAIL = '"\\/+%&<>=~zz42';

/**
 * Secrets that can be recognised wherever they turn up: parts of them are searched for, since a text may quote half a key, and in
 * every encoding that something on the way may use.
 */
export class Canaries {
  readonly #traces: Trace[] = [];

  /** A new key that is obviously no real one. Two random parts of 16 characters make it recognisable. */
  mint(place: string): string {
    const parts = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
    this.#add(place, parts);
    return `canary-key-${place}-${parts.join('')}${TAIL}`;
  }

  /** The same without the characters that are hard on a shell, a header or a path. */
  mintPlain(place: string): string {
    return this.mint(place).replace(TAIL, '-zz42');
  }

  /** A token or gateway key that the product made: its id is no secret, and its last characters may be shown. */
  token(place: string, text: string): string {
    const secret = /^kh_[gtps]_[0-9a-z]{16}_([0-9A-Za-z]{49})$/.exec(text)?.[1];
    if (secret === undefined) throw new Error(`${place} is no token.`);
    this.#add(place, [secret.slice(0, 20), secret.slice(20, 40)]);
    return text;
  }

  /** A secret that somebody else has made, as text: each half is looked for. */
  text(place: string, secret: string): string {
    this.#add(place, [secret.slice(0, secret.length / 2), secret.slice(secret.length / 2)]);
    return secret;
  }

  /** Any other secret, as bytes. */
  bytes(place: string, secret: Buffer): void {
    this.#addBytes(place, secret.subarray(0, secret.length / 2));
    this.#addBytes(place, secret.subarray(secret.length / 2));
  }

  /** Everything that must not be found. */
  get traces(): readonly Trace[] {
    return this.#traces;
  }

  #add(place: string, parts: readonly string[]): void {
    for (const part of parts) {
      this.#addBytes(place, Buffer.from(part));
      const codes = [...Buffer.from(part)].map((byte) => byte.toString(16).padStart(2, '0'));
      const texts: readonly (readonly [encoding: string, bytes: Buffer])[] = [
        ['UTF-16', Buffer.from(part, 'utf16le')],
        ['UTF-16 BE', Buffer.from(part, 'utf16le').swap16()],
        ['percent-encoded', Buffer.from(codes.map((code) => `%${code}`).join(''))],
        ['percent-encoded, upper case', Buffer.from(codes.map((code) => `%${code.toUpperCase()}`).join(''))],
        ['JSON escapes', Buffer.from(codes.map((code) => `\\u00${code}`).join(''))],
        ['HTML entities', Buffer.from(codes.map((code) => `&#${Number.parseInt(code, 16)};`).join(''))],
        ['backwards', Buffer.from(part).reverse()],
      ];
      for (const [encoding, bytes] of texts) this.#traces.push({ place, encoding, bytes });
    }
  }

  #addBytes(place: string, part: Buffer): void {
    this.#traces.push({ place, encoding: 'as it is', bytes: part });
    this.#traces.push({ place, encoding: 'hex', bytes: Buffer.from(part.toString('hex')) });
    this.#traces.push({ place, encoding: 'HEX', bytes: Buffer.from(part.toString('hex').toUpperCase()) });
    for (const before of [0, 1, 2]) {
      for (const alphabet of ['base64', 'base64url'] as const) {
        // The characters at both ends depend on what stands beside it.
        const whole = Buffer.concat([Buffer.alloc(before), part]).toString(alphabet).replace(/=+$/, '');
        this.#traces.push({ place, encoding: `${alphabet}, ${before} before it`, bytes: Buffer.from(whole.slice(before === 0 ? 0 : before + 1, -2)) });
      }
    }
  }
}
