import type { SecretValue } from '../ports/secret-value.ts';
import { presentedCookie } from './cookies.ts';

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
  return presentedCookie(rawHeaders, SESSION_COOKIE);
}
