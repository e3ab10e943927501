import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R0.2: what is known of a credential, never its value. */
export function getCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: `${owner.base}/:service`,
    summary: `Show ${owner.whose} credential`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: credentialSchema },
    action: 'credential.read',
    resource: (request) => owner.credential(request),
    async handle(grant, _input, { credentials }) {
      const view = await credentials.get(grant);
      return { status: 200, body: credentialBody(view), etag: view.etag };
    },
  });
}
