import { Type } from 'typebox';
import { KeyholdError } from '../../../ports/errors.ts';
import { platform, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { recordId } from '../../schemas/fields.ts';

/** Ends a user's sessions in every browser, and the access tokens that were issued before. Whoever may not come back is disabled, too. */
export const signOutUser = guardedRoute({
  method: 'POST',
  url: '/api/v1/users/:id/sign-out',
  summary: 'Sign a user out everywhere',
  tag: 'Users',
  statuses: [204],
  schema: { params: Type.Object({ id: recordId }), answer: null },
  action: 'user.sign-out',
  resource: (request) => withId(request, platform()),
  async handle(grant, _input, { sessions }) {
    const { id } = grant.use('user.sign-out');
    if (id === undefined) throw new KeyholdError('not_found', 'There is no user with this id.');
    await sessions.endAllOf({ kind: 'user', id });
    return { status: 204, body: null };
  },
});
