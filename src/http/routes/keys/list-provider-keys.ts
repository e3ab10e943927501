import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, nullableText, tenantId } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';

const providerKey = Type.Object({
  tenant: nullableText,
  service: Type.String(),
  label: Type.String(),
  state: Type.Enum(['new', 'active', 'revoked', 'deleted', 'purged']),
  hints: Type.Record(Type.String(), Type.String(), { description: 'The last characters of each field, by which its owner knows it.' }),
});

/** S14: the keys that somebody with the wrapping key and the database knows. */
export const listProviderKeys = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/keys/provider-keys',
  summary: 'List the keys that were sealed in the database, to be replaced at their providers after a compromise',
  tag: 'Keys',
  statuses: [200],
  schema: { query: Type.Object({ ...pageQuery, tenant: Type.Optional(tenantId) }, closed), answer: pageOf(providerKey) },
  action: 'data-keys.read',
  resource: platform,
  async handle(grant, { query: { tenant = null, ...page } }, { providerKeys }) {
    const { limit, after } = pageRequest(page);
    return { status: 200, body: pageBody(await providerKeys.list(grant, tenant, { limit, after }), ({ hints, ...key }) => ({ ...key, hints: { ...hints } })) };
  },
});
