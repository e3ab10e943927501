import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

/** Signs JSON Web Tokens as RS256 with a key of its own, and knows its own again. */
export class TokenSigner {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId: string;

  constructor() {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
    this.#keyId = createHash('sha256').update(this.#publicKey.export({ type: 'spki', format: 'der' })).digest('base64url').slice(0, 27);
  }

  /** The public key as a JWKS endpoint shows it. */
  get jwk(): object {
    return { ...this.#publicKey.export({ format: 'jwk' }), use: 'sig', kid: this.#keyId, alg: 'RS256' };
  }

  sign(claims: Claims): string {
    const text = [{ typ: 'JWT', alg: 'RS256', kid: this.#keyId, x5t: this.#keyId }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${sign('sha256', Buffer.from(text), this.#privateKey).toString('base64url')}`;
  }

  /** The claims of a token that this signer signed and nobody changed, else undefined; times are not looked at. */
  read(token: string): Claims | undefined {
    const [head, body, signature, ...rest] = token.split('.');
    if (head === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined;
    const header = parse(head);
    if (header?.['alg'] !== 'RS256' || header['kid'] !== this.#keyId) return undefined;
    const signed = verify('sha256', Buffer.from(`${head}.${body}`), this.#publicKey, Buffer.from(signature, 'base64url'));
    return signed ? parse(body) : undefined;
  }
}

function parse(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
