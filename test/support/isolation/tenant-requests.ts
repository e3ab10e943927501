import type { GuardedRoute } from '../../../src/http/route.ts';
import { routeTable } from '../../../src/http/route-table.ts';
import { isOfTenant } from '../access-matrix.ts';
import { sampleBody } from '../sample-body.ts';
import type { Draw } from './draws.ts';
import type { Asked } from './keeping-client.ts';
import { type Party, SHARED, services } from './party.ts';

/** Every route about a tenant's things, except those that end the tenant. */
export const tenantRoutes = routeTable.filter((route): route is GuardedRoute => route.kind === 'guarded' && isOfTenant(route) && !/shred|^\/api\/v1\/tenants\/:tenant$/.test(route.url));
/** Of them those that only look. */
export const lookingRoutes = tenantRoutes.filter(({ method }) => method === 'GET');

/** Names that stand in a request of one tenant and are another's, or nobody's. */
export interface Named {
  readonly slug: string;
  readonly id: (kind: string) => string;
  readonly label: string;
}

export function pick<T>(draw: Draw, from: readonly T[]): T {
  const found = from[draw(from.length)];
  if (found === undefined) throw new Error('There is nothing to pick from.');
  return found;
}

/** A request to this route with this tenant's texts in every place that takes one. */
export function requestTo(route: GuardedRoute, party: Party, draw: Draw, named: Named): Omit<Asked, 'token'> {
  const kind = route.url.split('/')[5] ?? '';
  const path = route.url.replace(':tenant', named.slug).replace(/:service|:provider/, pick(draw, services)).replace(':id', () => named.id(kind));
  const query = new URLSearchParams();
  if (route.url.includes('credentials/:service')) query.set('label', named.label);
  if (route.url.startsWith('/tenant/ai/')) query.set('tenant_id', named.slug);
  if (route.url.endsWith('/audit/proof')) {
    if (draw(4) === 0) query.set('from', '1');
    else query.set('id', named.id('audit'));
  } else if (route.method === 'GET' && /\/(audit|audit\/entries|usage\/events|tokens|gateway-keys|roles|users|credentials)$/.test(route.url)) {
    query.set('limit', String(1 + draw(4)));
  }
  if (route.url.endsWith('/usage')) query.set('groupBy', 'model,credentialId,gatewayKeyId,tokenId,keySource');
  const headers: Record<string, string> = { 'x-request-id': `${party.mark}.${draw(1_000_000)}` };
  if (route.conditional === true && draw(4) === 0) headers['if-match'] = pick(draw, [...party.etags, '*', '"999"']);
  if (route.creates === true && draw(2) === 0) headers['idempotency-key'] = draw(2) === 0 ? SHARED.key : `${party.mark}-${draw(5)}`;
  const text = query.toString();
  return { method: route.method, path: text === '' ? path : `${path}?${text}`, headers, ...(route.method === 'GET' ? {} : { body: bodyOf(route, party, draw) }) };
}

/** What the route takes, with the tenant's mark wherever a text is the caller's own; else what its schema asks for at least. */
function bodyOf(route: GuardedRoute, { mark, ...party }: Party, draw: Draw): unknown {
  const bodies: Readonly<Record<string, () => unknown>> = {
    'PUT /api/v1/tenants/:tenant/policy': () => ({ defaultModels: { openai: `gpt-${mark}` }, platformFallback: draw(2) === 0, unpricedModels: 'allow' }),
    'PUT /api/v1/tenants/:tenant/limits': () => ({ services: { openai: { concurrent: 500 } } }),
    'PUT /api/v1/tenants/:tenant/budgets': () => ({ budgets: [{ amount: { requests: 1_000_000 }, per: 'total', hard: true, models: [`*${mark}*`] }] }),
    'PUT /api/v1/platform/tenants/:tenant/budgets': () => ({ budgets: [] }),
    'PUT /api/v1/platform/tenants/:tenant/limits': () => ({}),
    'POST /api/v1/tenants/:tenant/tokens': () => ({ name: `token ${mark}`, role: pick(draw, ['tenant-member', SHARED.role, `role-${mark}`]) }),
    'POST /api/v1/tenants/:tenant/roles': () => ({ name: `extra-${mark}-${draw(4)}`, description: `for ${mark}`, permissions: ['audit.read'] }),
    'PUT /api/v1/tenants/:tenant/roles/:id': () => ({ description: `changed for ${mark}`, permissions: ['usage.read', 'audit.read'] }),
    'POST /api/v1/tenants/:tenant/users': () => ({ issuer: 'https://login.example.com', subject: draw(2) === 0 ? SHARED.subject : `${mark}-${draw(3)}@example.com`, name: `User ${mark}`, role: pick(draw, ['tenant-member', `role-${mark}`]) }),
    'PATCH /api/v1/tenants/:tenant/users/:id': () => ({ name: `Renamed ${mark}` }),
    'POST /api/v1/tenants/:tenant/gateway-keys': () => ({ name: `key ${mark}`, owner: `owner ${mark}`, tags: { team: mark }, models: draw(2) === 0 ? null : [`*${mark}*`] }),
    'PATCH /api/v1/tenants/:tenant/gateway-keys/:id': () => ({ name: `renamed ${mark}`, tags: { team: mark, more: mark } }),
    'PUT /api/v1/tenants/:tenant/vault': () => ({ kind: 'vault', address: `https://${mark}.invalid`, mount: mark, namespace: mark, auth: { token: `hvs.${mark}-token` } }),
    'PATCH /api/v1/tenants/:tenant/credentials/:service': () => ({ notes: `notes of ${mark}`, weight: draw(5) }),
    'PUT /api/v1/tenants/:tenant/credentials/:service': () => ({ fields: { api_key: `sk-test-${mark}-0123456789` }, settings: { nothing: mark } }),
    'POST /tenant/ai/credentials/:provider': () => ({ apiKey: `sk-test-${mark}-0123456789`, endpoint: `https://${mark}.example.com` }),
    'PUT /api/v1/tenants/:tenant/prices': () => ({ prices: [{ service: 'openai', model: `gpt-${mark}`, input: '1', output: '2' }] }),
  };
  const known = bodies[`${route.method} ${route.url}`];
  if (known !== undefined) return known();
  return route.schema.body === undefined ? undefined : { ...sampleBody(route), ...(draw(2) === 0 ? { [mark]: party.slug } : {}) };
}

/** What is this tenant's own, or was once. */
export function ownNames(party: Party, draw: Draw): Named {
  return {
    slug: party.slug,
    id: (kind) => pick(draw, [...party.known(kind), 'abcdefghij012345']),
    label: pick(draw, [...party.labels, 'default', SHARED.label]),
  };
}

/** What is another's and not this one's. */
export function namesOf(other: Party, party: Party, draw: Draw, slug: string): Named {
  const own = (kind: string): readonly string[] => [...party.known(kind), SHARED.role];
  return {
    slug,
    id: (kind) => pick(draw, [...other.known(kind).filter((id) => !own(kind).includes(id)), 'abcdefghij012345']),
    label: `label-${other.mark}`,
  };
}
