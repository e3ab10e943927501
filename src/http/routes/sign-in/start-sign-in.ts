import { Type } from 'typebox';
import { tokenDigestBytes } from '../../../core/access/token-text.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import { entryRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { presentedSession } from '../../session-cookie.ts';
import { signInCookie } from '../../sign-in-cookie.ts';

const query = Type.Object(
  {
    issuer: Type.Optional(Type.String({ description: 'as GET /api/v1/sign-in lists it; left out where there is one alone.', maxLength: 250 })),
    returnTo: Type.Optional(Type.String({ description: 'a path of this Keyhold, where the browser goes afterwards.', maxLength: 512 })),
    fresh: Type.Optional(Type.Enum(['true', 'false'], { description: 'true: they prove anew who they are, for what needs a fresh sign-in.' })),
  },
  closed,
);

/** S23: sends the browser to its identity provider, and remembers in the browser alone what it has to come back with. */
export const startSignIn = entryRoute({
  method: 'GET',
  url: '/api/v1/sign-in/start',
  summary: 'Sign in at an identity provider, with a browser',
  tag: 'Sign-in',
  statuses: [302],
  schema: { query, answer: null },
  async handle({ query: { issuer, returnTo = '/', fresh = 'false' }, rawHeaders }, { browserSignIns, sessions }) {
    const text = presentedSession(rawHeaders);
    const actor = text === undefined ? undefined : await sessions.authenticate(text, tokenDigestBytes(text));
    const { location, sealed } = await browserSignIns.start({ issuer: issuer ?? onlyOne(browserSignIns.ways()), returnTo, fresh: fresh === 'true', previous: actor?.session?.id ?? null });
    return { status: 302, body: null, location, cookies: [signInCookie(sealed)] };
  },
});

function onlyOne(ways: readonly { readonly issuer: string }[]): string {
  const [only, ...others] = ways;
  if (only !== undefined && others.length === 0) return only.issuer;
  throw new KeyholdError('invalid_argument', 'Say at which identity provider: ?issuer=… GET /api/v1/sign-in lists where one can sign in here.', { details: { property: 'issuer' } });
}
