import type { IfMatch } from '../core/versions/etag.ts';
import { KeyholdError } from '../ports/errors.ts';

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;

/**
 * Reads an `If-Match` header (RFC 9110, section 13.1.1); undefined when there is none. Weak tags never match, as the RFC says, and are left out. Throws
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
