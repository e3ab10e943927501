import { Type } from 'typebox';
import { asKeyholdError, KeyholdError } from '../../../ports/errors.ts';
import { refused } from '../../admission.ts';
import { entryRoute } from '../../route.ts';
import { sessionCookie } from '../../session-cookie.ts';
import { noSignInCookie, presentedSignIn } from '../../sign-in-cookie.ts';

/** Providers add what they like; what counts is looked at by who knows the protocol, each of it once. */
const query = Type.Object({}, { additionalProperties: Type.Union([Type.String(), Type.Array(Type.String())]) });

/**
 * S23, S24: where the browser comes back to. The answer is a page and no redirect: browsers do not send a `SameSite=Strict` cookie along on one that another site began.
 */
export const finishSignIn = entryRoute({
  method: 'GET',
  url: '/api/v1/sign-in/callback',
  summary: 'Come back from an identity provider, for a session in a cookie',
  tag: 'Sign-in',
  statuses: [200],
  schema: { query, answer: Type.String() },
  mediaType: 'text/html',
  async handle({ query: answered, rawHeaders, address, requestId }, { browserSignIns, unknownKeys, audit }) {
    const sealed = presentedSignIn(rawHeaders);
    // Any page can have a browser come here without one: like a request without a key, that shuts out nobody who comes from the same address (R0.3).
    const counts = sealed !== undefined;
    const blockedSeconds = counts ? unknownKeys.blockedFor(address) : undefined;
    if (blockedSeconds !== undefined) throw new KeyholdError('rate_limited', 'Too many sign-ins from this address have failed. Try again later.', { retryAfterSeconds: blockedSeconds });
    const parameters = new URLSearchParams(Object.entries(answered).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)])));
    try {
      const { session, returnTo } = await browserSignIns.finish(sealed ?? '', parameters, requestId);
      return { status: 200, body: pageTo(returnTo), contentType: 'text/html; charset=utf-8', cookies: [sessionCookie(session.text), noSignInCookie()] };
    } catch (error) {
      const { code, publicMessage } = asKeyholdError(error);
      throw counts && code === 'unauthenticated' ? refused(address, publicMessage, { unknownKeys, audit }) : error;
    }
  },
});

function pageTo(path: string): string {
  const written = path.replaceAll(/["&'<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${written}"><title>Signed in</title><p>You are signed in. <a href="${written}">Go on</a></p></html>`;
}
