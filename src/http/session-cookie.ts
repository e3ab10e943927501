import type { SecretValue } from '../ports/secret-value.ts';
import { KeyholdError } from '../ports/errors.ts';

export const SESSION_COOKIE = '__Host-keyhold-session';
/** Of this host alone, never over plain http but on this machine, out of reach for scripts, and in no request that another site makes (S24, RFC 6265bis). */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** What makes the browser keep a session, until it is closed; the session's own end is the server's to know. */
export function sessionCookie(text: SecretValue): string {
  return `${SESSION_COOKIE}=${text.reveal()}; ${ATTRIBUTES}`;
}

/** What makes it forget one. */
export function noSessionCookie(): string {
  return `${SESSION_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}

/** The session that a request's cookies carry; undefined without one. Throws `invalid_argument` for two different ones (S22). */
export function presentedSession(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'cookie') continue;
    for (const pair of (rawHeaders[at + 1] ?? '').split(';')) {
      const [name, ...value] = pair.split('=');
      const text = value.join('=').trim();
      if (name?.trim() !== SESSION_COOKIE || text === '') continue;
      if (found !== undefined && found !== text) throw new KeyholdError('invalid_argument', 'The request carries two different sessions. Send one, in one cookie.');
      found = text;
    }
  }
  return found;
}
