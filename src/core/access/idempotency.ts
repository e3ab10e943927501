import { createHmac } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { IdempotencyMark } from '../../ports/metadata/tenants.ts';
import { frame } from '../crypto/framing.ts';
import type { Actor } from './actor.ts';
import { newTokenId } from './token-text.ts';

/** S27: how long a key stands for the request it came with. */
const VALID_MS = 24 * 60 * 60 * 1_000;
const KEY = /^[\x21-\x7e]{1,255}$/;

export interface IdempotentInput {
  readonly actor: Actor;
  /** null for what belongs to no tenant. */
  readonly tenant: string | null;
  readonly method: string;
  readonly path: string;
  /** The `Idempotency-Key` header. */
  readonly key: string;
  /** The request's body as it came. */
  readonly body: string | Uint8Array;
}

/** A request that creates, and that may have come before. */
export interface IdempotentRequest {
  /** 16 characters of `[0-9a-z]` for the record it creates; the same for a repeat, so that create-only finds the first one. */
  readonly id: string;
  /** What the new record keeps of it. */
  readonly mark: IdempotencyMark;
  /**
   * Passes when a record with this mark was created by the same request less than 24 h ago. Throws `conflict` when the key was
   * used for another body, or is too old.
   */
  requireRepeat(mark: IdempotencyMark | null): void;
}

/**
 * Makes repeats of a creating request find what the first one made (S27): the record's id follows from actor, tenant, method, path
 * and key, and its body is compared by keyed HMAC, so that the database holds neither key nor body.
 */
export class Idempotency {
  readonly #key: Buffer;
  readonly #clock: Clock;

  /** `key` is secret, 32 bytes, and the same at every start. */
  constructor(key: Buffer, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** Throws `invalid_argument` when the key is not 1 to 255 printable ASCII characters without spaces. */
  request({ actor, tenant, method, path, key, body }: IdempotentInput): IdempotentRequest {
    if (!KEY.test(key)) {
      throw new KeyholdError('invalid_argument', 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces, for example a UUID.');
    }
    const place = [actor.kind, actor.id, tenant === null ? 'platform' : `tenant:${tenant}`, method, path, key];
    const now = this.#clock.now();
    const mark = { bodyDigest: this.#digest('keyhold idempotency body 1', place, body).toString('hex'), createdAt: now };
    return {
      id: newTokenId(this.#bytesFor(place)),
      mark,
      requireRepeat: (found) => requireRepeat(found, mark),
    };
  }

  /** Bytes that look random and are always the same for the same place. */
  #bytesFor(place: readonly string[]): RandomBytes {
    let block = 0;
    return (count) => {
      const bytes: Buffer[] = [];
      for (let have = 0; have < count; have += 32) {
        bytes.push(this.#digest('keyhold idempotency id 1', [...place, String(block)], ''));
        block += 1;
      }
      return Buffer.concat(bytes).subarray(0, count);
    };
  }

  #digest(format: string, place: readonly string[], body: string | Uint8Array): Buffer {
    return createHmac('sha256', this.#key)
      .update(frame([format, ...place]))
      .update(body)
      .digest();
  }
}

function requireRepeat(found: IdempotencyMark | null, request: IdempotencyMark): void {
  if (found === null || request.createdAt - found.createdAt >= VALID_MS) {
    throw new KeyholdError('conflict', 'This Idempotency-Key was used more than 24 hours ago. Use a new one for a new request.');
  }
  if (found.bodyDigest !== request.bodyDigest) {
    throw new KeyholdError('conflict', 'This Idempotency-Key was used for another body. Use a new one, or send the same body again.');
  }
}
