import { Type } from 'typebox';
import { openRoute } from '../../route.ts';

/** How people sign in here: said to everybody, for the page that asks them. */
export const listWaysIn = openRoute({
  method: 'GET',
  url: '/api/v1/sign-in',
  summary: 'Show how one can sign in here',
  tag: 'Sign-in',
  statuses: [200],
  schema: {
    answer: Type.Object({
      token: Type.Boolean({ description: 'with an API token: POST /api/v1/sign-in.' }),
      issuers: Type.Array(Type.Object({ issuer: Type.String(), name: Type.String() }), { description: 'identity providers: GET /api/v1/sign-in/start?issuer=…' }),
      terminals: Type.Array(Type.Object({ issuer: Type.String(), name: Type.String(), clientId: Type.String(), scope: Type.String(), audience: Type.String() }), { description: 'identity providers for keyhold login, by the device flow (RFC 8628).' }),
    }),
  },
  async handle({ browserSignIns }) {
    return { status: 200, body: { token: true, issuers: [...browserSignIns.ways()], terminals: [...browserSignIns.terminals()] } };
  },
});
