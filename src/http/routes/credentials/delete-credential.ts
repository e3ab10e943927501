import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R3.7: takes the key out of use at once; it can be recovered for 30 days. */
export function deleteCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'DELETE',
    url: `${owner.base}/:service`,
    summary: `Delete ${owner.whose} credential; it can be recovered for 30 days`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: credentialSchema },
    conditional: true,
    action: 'credential.delete',
    resource: (request) => owner.credential(request),
    async handle(grant, { ifMatch }, { credentials }) {
      const view = await credentials.remove(grant, { ifMatch });
      return { status: 200, body: credentialBody(view), etag: view.etag };
    },
  });
}
