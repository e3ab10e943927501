import { Type } from 'typebox';
import { entryRoute } from '../../route.ts';

const body = Type.Object({ logout_token: Type.String({ minLength: 1, maxLength: 8_192 }) }, { additionalProperties: Type.String() });

/** S23: an identity provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0). What it sends is a form. */
export const endSignIn = entryRoute({
  method: 'POST',
  url: '/api/v1/sign-in/backchannel-logout',
  summary: 'End the sessions of somebody who has signed out at an identity provider',
  tag: 'Sign-in',
  statuses: [204],
  schema: { body, answer: null },
  takesForms: true,
  async handle({ body: { logout_token: token }, requestId }, { browserSignIns }) {
    await browserSignIns.end(token, requestId);
    return { status: 204, body: null };
  },
});
