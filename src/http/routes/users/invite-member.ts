import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name } from '../../schemas/fields.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import { invitation, memberBody, memberSchema, roleGiven } from '../../schemas/user.ts';

const body = Type.Object({ ...invitation, name, role: roleGiven }, closed);

/** R0.2, S23: whoever the identity provider names so has the role at their next sign-in. */
export const inviteMember = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants/:tenant/users',
  summary: 'Give a user a role in a tenant',
  tag: 'Users',
  statuses: [201],
  schema: { params: tenantParams, body: body, answer: memberSchema },
  action: 'user.invite',
  resource: tenantInPath,
  async handle(grant, { body: input }, { members }) {
    const member = await members.invite(grant, input);
    return { status: 201, body: memberBody(member), etag: member.etag };
  },
});
