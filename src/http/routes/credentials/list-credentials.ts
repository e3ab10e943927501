import { Type } from 'typebox';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema } from '../../schemas/credential.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import type { CredentialOwner } from './owner.ts';

/** R0.2: by service and label. A page may hold fewer items than asked for; `nextCursor` alone says whether there are more. */
export function listCredentials(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: owner.base,
    summary: `List ${owner.whose} credentials`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.listParams, query: Type.Object(pageQuery, closed), answer: pageOf(credentialSchema) },
    action: 'credential.read',
    resource: (request) => owner.scope(request),
    async handle(grant, { query }, { credentials }) {
      return { status: 200, body: pageBody(await credentials.list(grant, pageRequest(query)), credentialBody) };
    },
  });
}
