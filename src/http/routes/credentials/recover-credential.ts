import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R3.7: brings a deleted credential back within its 30 days. */
export function recoverCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/recover`,
    summary: `Bring ${owner.whose} deleted credential back`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: credentialSchema },
    action: 'credential.recover',
    resource: (request) => owner.credential(request),
    async handle(grant, _input, { credentials }) {
      const view = await credentials.recover(grant);
      return { status: 200, body: credentialBody(view), etag: view.etag };
    },
  });
}
