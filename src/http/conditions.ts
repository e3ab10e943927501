import { KeyholdError } from '../ports/errors.ts';

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;

/** `If-Match` of a request: any version that exists, or one of these entity tags (RFC 9110, section 13.1.1). */
export type IfMatch = '*' | readonly string[];

/**
 * Reads an `If-Match` header; undefined when there is none. Weak tags never match, as the RFC says, and are left out. Throws
 * `invalid_argument` for what is neither `*` nor a list of quoted tags.
 */
export function parseIfMatch(header: string | undefined): IfMatch | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (text === '*') return '*';
  const tags = text.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => ENTITY_TAG.test(tag))) {
    throw new KeyholdError('invalid_argument', 'If-Match must be an ETag in double quotes as an answer gave it, for example "7", or *.', { details: { header: 'if-match' } });
  }
  return tags.filter((tag) => !tag.startsWith('W/')).map((tag) => tag.slice(1, -1));
}

/** Reads an `Idempotency-Key` header (R0.3, S27); undefined when there is none. */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw new KeyholdError('invalid_argument', 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces, for example a UUID.', {
      details: { header: 'idempotency-key' },
    });
  }
  return header;
}
