import { presentedCookie } from './cookies.ts';

const SIGN_IN_COOKIE = '__Host-keyhold-sign-in';
/** Lax, not Strict: the browser comes back from another site, and has to bring it along. It signs nobody in; it proves which browser has asked. */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';
const SECONDS = 600;

/** What makes the browser keep what it began until it comes back (S23). */
export function signInCookie(sealed: string): string {
  return `${SIGN_IN_COOKIE}=${sealed}; Max-Age=${SECONDS}; ${ATTRIBUTES}`;
}

export function noSignInCookie(): string {
  return `${SIGN_IN_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}

/** As `signInCookie` wrote it; undefined where there is none. Throws `invalid_argument` for two different ones. */
export function presentedSignIn(rawHeaders: readonly string[]): string | undefined {
  return presentedCookie(rawHeaders, SIGN_IN_COOKIE);
}
