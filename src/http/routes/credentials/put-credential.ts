import { type Static, Type } from 'typebox';
import { parseOptionalInstant } from '../../rfc3339.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { credentialBody, credentialSchema, offerTo } from '../../schemas/credential.ts';
import { closed, instant, nullable } from '../../schemas/fields.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

const secrets = Type.Record(Type.String(), Type.String(), { description: 'the secret fields by name, for example {"api_key": "…"}.' });
const settings = Type.Record(Type.String(), Type.Unknown(), { description: 'what is not secret: where the key is sent.' });

const tenantBody = Type.Object({ fields: secrets, settings: Type.Optional(settings), expiresAt: Type.Optional(nullable(instant)) }, closed);
const platformBody = Type.Object({ ...tenantBody.properties, offerTo: Type.Optional(offerTo) }, closed);

/** R0.2: hands over a key. 201 where there was none, 200 where it replaced one. */
export function putCredential(owner: CredentialOwner): GuardedRoute {
  const body = Type.Unsafe<Static<typeof platformBody>>(owner.kind === 'platform' ? platformBody : tenantBody);
  return guardedRoute({
    method: 'PUT',
    url: `${owner.base}/:service`,
    summary: `Hand over ${owner.whose} key, or replace it`,
    tag: owner.tag,
    statuses: [201, 200],
    schema: { params: owner.params, query: labelQuery, body, answer: credentialSchema },
    conditional: true,
    action: 'credential.put',
    resource: (request) => owner.credential(request),
    async handle(grant, { body: { fields, settings: given, expiresAt, offerTo: offered }, ifMatch }, { credentials }) {
      const { created, credential } = await credentials.put(grant, {
        fields,
        settings: given,
        expiresAt: parseOptionalInstant(expiresAt, 'expiresAt'),
        offerTo: offered,
        ifMatch,
      });
      return { status: created ? 201 : 200, body: credentialBody(credential), etag: credential.etag };
    },
  });
}
