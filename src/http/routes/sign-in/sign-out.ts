import { Type } from 'typebox';
import { KeyholdError } from '../../../ports/errors.ts';
import { guardedRoute } from '../../route.ts';
import { closed, nullable } from '../../schemas/fields.ts';
import { noSessionCookie } from '../../session-cookie.ts';

const body = Type.Object({ everywhere: Type.Optional(Type.Boolean({ description: 'all sessions of whoever asks, in every browser; of a user the access tokens that were issued before, too.' })) }, closed);

const answer = nullable(Type.Object({ endSessionUrl: Type.String({ description: 'where the browser goes to sign out at the identity provider, too.' }) }));

/** R0.2, S24: ends the session that asks, or all that its holder has. Also while the audit log cannot be written (S29). */
export const signOut = guardedRoute({
  method: 'POST',
  url: '/api/v1/sign-out',
  summary: 'End this session, or everywhere: all of mine',
  tag: 'Sign-in',
  statuses: [204, 200],
  schema: { body, answer },
  bodyOptional: true,
  action: 'session.end',
  resource: ({ actor }) => ({ scope: actor.scope, ...(actor.session === undefined ? {} : { id: actor.session.id }) }),
  async handle(grant, { body: { everywhere = false } }, { sessions, browserSignIns }) {
    const { actor } = grant;
    const { kind, id, session } = actor;
    grant.use('session.end');
    if (everywhere && (kind === 'token' || kind === 'user')) await sessions.endAllOf({ kind, id });
    else if (session === undefined) throw new KeyholdError('invalid_argument', 'This request was sent with a token, and no session. Revoke the token to end it, or send {"everywhere": true} to end the sessions that began with it.');
    else await sessions.end(session.id);
    const endSessionUrl = kind === 'user' && session !== undefined ? await browserSignIns.endSessionUrl(id) : undefined;
    return { status: endSessionUrl === undefined ? 204 : 200, body: endSessionUrl === undefined ? null : { endSessionUrl }, cookies: [noSessionCookie()] };
  },
});
