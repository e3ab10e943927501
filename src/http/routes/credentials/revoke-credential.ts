import { Type } from 'typebox';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { closed } from '../../schemas/fields.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

const body = Type.Object({ reason: Type.Optional(Type.String({ description: 'for people, up to 500 characters.', maxLength: 500 })) }, closed);

/** R3.7: takes the key out of use for good. */
export function revokeCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/revoke`,
    summary: `Take ${owner.whose} key out of use for good`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, body, answer: credentialSchema },
    bodyOptional: true,
    action: 'credential.revoke',
    resource: (request) => owner.credential(request),
    async handle(grant, { body: { reason } }, { credentials }) {
      const view = await credentials.revoke(grant, { reason });
      return { status: 200, body: credentialBody(view), etag: view.etag };
    },
  });
}
