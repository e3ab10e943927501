import { type Static, Type } from 'typebox';
import { parseOptionalInstant } from '../../rfc3339.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema, offerTo } from '../../schemas/credential.ts';
import { closed, instant, nullable } from '../../schemas/fields.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

const tenantBody = Type.Object(
  {
    expiresAt: Type.Optional(nullable(instant)),
    weight: Type.Optional(Type.Integer({ description: 'a whole number from 0 to 1000: this label\'s share among several.', minimum: 0, maximum: 1000 })),
    disabled: Type.Optional(Type.Boolean()),
    notes: Type.Optional(Type.String({ maxLength: 2000 })),
  },
  closed,
);
const platformBody = Type.Object({ ...tenantBody.properties, offerTo: Type.Optional(offerTo) }, closed);

/** R0.2: changes what is not part of the secret; what is left out stays. Where a key is sent changes with the key alone (S3). */
export function updateCredential(owner: CredentialOwner): GuardedRoute {
  const body = Type.Unsafe<Static<typeof platformBody>>(owner.kind === 'platform' ? platformBody : tenantBody);
  return guardedRoute({
    method: 'PATCH',
    url: `${owner.base}/:service`,
    summary: `Change what goes with ${owner.whose} credential`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, body, answer: credentialSchema },
    conditional: true,
    action: 'credential.update',
    urgent: (changes) => changes.disabled === true && Object.keys(changes).length === 1,
    resource: (request) => owner.credential(request),
    async handle(grant, { body: { expiresAt, ...changes }, ifMatch }, { credentials }) {
      const view = await credentials.update(grant, {
        ...changes,
        expiresAt: parseOptionalInstant(expiresAt, 'expiresAt'),
        ifMatch,
      });
      return { status: 200, body: credentialBody(view), etag: view.etag };
    },
  });
}
