import { createSecretKey, type KeyObject } from 'node:crypto';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { type EnvelopeContext, openEnvelope, sealEnvelope } from './envelope.ts';
import { frame } from './framing.ts';
import { pad, unpad } from './padding.ts';

const FORMAT = 'keyhold cursor 1';

/**
 * Encrypts the cursors that are handed to callers. A cursor says where a list's page ended, which can be a place in a log that all
 * tenants share: readable, two of them would tell a tenant how much the others did in between (R10.2).
 */
export class CursorSeal {
  readonly #key: KeyObject;
  readonly #random: RandomBytes;

  /** `key` is secret, 32 bytes, and the same at every start and on every replica. */
  constructor(key: Buffer, random: RandomBytes) {
    this.#key = createSecretKey(key);
    this.#random = random;
  }

  /** The cursor as text of base64url; it opens again for the same list alone (whose things, by which route). */
  seal(list: readonly string[], cursor: string): string {
    return sealEnvelope(this.#contextOf(list), pad(Buffer.from(cursor, 'utf8')), this.#random).toString('base64url');
  }

  /** Throws `invalid_argument` for everything but a sealed cursor of this list. */
  open(list: readonly string[], sealed: string): string {
    try {
      return unpad(openEnvelope(this.#contextOf(list), Buffer.from(sealed, 'base64url'))).toString('utf8');
    } catch (cause) {
      throw new KeyholdError('invalid_argument', 'The cursor is not one of this list. Use nextCursor of the page before as it was given, or none to begin at the start.', {
        details: { property: 'cursor' },
        cause,
      });
    }
  }

  #contextOf(list: readonly string[]): EnvelopeContext {
    return { key: this.#key, purpose: 'cursor', aad: frame([FORMAT, ...list]) };
  }
}
