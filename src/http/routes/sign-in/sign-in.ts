import { Type } from 'typebox';
import { tokenDigest } from '../../../core/access/token-text.ts';
import { presentedKey } from '../../../gateway/presented-key.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import { refused, UNKNOWN } from '../../admission.ts';
import { entryRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { sessionBody, sessionSchema } from '../../schemas/session.ts';
import { presentedSession, sessionCookie } from '../../session-cookie.ts';

const body = Type.Object({ token: Type.String({ description: 'an API token (kh_t_…).', minLength: 1, maxLength: 512 }) }, closed);

/** R0.2, S24: a browser's session for whoever has an API token. Signing in again while one is open takes its place: that is how a sign-in is fresh again. */
export const signIn = entryRoute({
  method: 'POST',
  url: '/api/v1/sign-in',
  summary: 'Sign in with an API token, for a session in a cookie',
  tag: 'Sign-in',
  statuses: [200],
  schema: { body, answer: sessionSchema },
  async handle({ body: { token }, rawHeaders, address, requestId }, { principals, sessions, access, clock, ...services }) {
    if (presentedKey(rawHeaders, ['authorization']) !== undefined) throw new KeyholdError('invalid_argument', 'Send the token in the body alone, and no Authorization header.');
    const previous = presentedSession(rawHeaders);
    const principal = await principals.authenticate(token, ['t']);
    if (principal === undefined) throw refused(address, UNKNOWN, services);
    const { actor } = principal;
    if (actor.kind !== 'token') throw new KeyholdError('invalid_argument', 'This is a token of an identity provider. Sign in there, or send it as Authorization: Bearer <token> with each request.');
    const authenticatedAt = clock.now();
    const session = await access.perform(actor, 'session.begin', { scope: actor.scope }, requestId, async (grant) => {
      grant.use('session.begin');
      const begun = await sessions.begin({ holder: { kind: 'token', id: actor.id, digest: tokenDigest(token) }, authenticatedAt, previous });
      grant.making(begun.id);
      return begun;
    });
    return { status: 200, body: sessionBody(session), cookies: [sessionCookie(session.text)] };
  },
});
