import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R3.7: destroys a deleted or revoked credential now. */
export function purgeCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/purge`,
    summary: `Destroy ${owner.whose} deleted or revoked credential for good`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: credentialSchema },
    action: 'credential.purge',
    resource: (request) => owner.credential(request),
    async handle(grant, _input, { credentials }) {
      return { status: 200, body: credentialBody(await credentials.purge(grant)) };
    },
  });
}
