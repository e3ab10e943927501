import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpAnswer, startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import type { GuardedRoute, Route } from './route.ts';
import { routeTable } from './route-table.ts';

const platformRoles = ['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader'] as const;
const tenantRoles = ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const;
type TestRole = (typeof platformRoles)[number] | (typeof tenantRoles)[number] | 'gateway-key';
const everybody: readonly TestRole[] = [...platformRoles, ...tenantRoles, 'gateway-key'];

const tenantReaders: readonly TestRole[] = ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'];
const credentialReaders: readonly TestRole[] = [...tenantReaders, 'platform-admin'];
const credentialWriters: readonly TestRole[] = ['tenant-admin', 'platform-admin'];
const platformReaders: readonly TestRole[] = ['platform-admin', 'platform-operator', 'platform-auditor'];

/** The role table of R0.2, written out once more by hand. A route that is not here makes the build red. */
const mayUse: Readonly<Record<string, readonly TestRole[] | 'open'>> = {
  'POST /api/v1/tenants': ['platform-admin'],
  'GET /api/v1/tenants': platformReaders,
  'GET /api/v1/tenants/:tenant': platformReaders,
  'PATCH /api/v1/tenants/:tenant': ['platform-admin'],
  'DELETE /api/v1/tenants/:tenant': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/shred': ['platform-admin'],
  'GET /api/v1/platform/shreddings': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/tenants/:tenant/policy': tenantReaders,
  'PUT /api/v1/tenants/:tenant/policy': ['tenant-admin'],
  'GET /api/v1/tenants/:tenant/limits': tenantReaders,
  'PUT /api/v1/tenants/:tenant/limits': ['tenant-admin'],
  'GET /api/v1/platform/tenants/:tenant/limits': platformReaders,
  'PUT /api/v1/platform/tenants/:tenant/limits': ['platform-admin'],
  'GET /api/v1/prices': platformReaders,
  'PUT /api/v1/prices': ['platform-admin'],
  'GET /api/v1/tenants/:tenant/prices': [...platformReaders, ...tenantRoles],
  'PUT /api/v1/tenants/:tenant/prices': ['platform-admin'],
  'GET /api/v1/models': everybody,
  'GET /api/v1/tenants/:tenant/vault': ['tenant-admin'],
  'PUT /api/v1/tenants/:tenant/vault': ['tenant-admin'],
  'DELETE /api/v1/tenants/:tenant/vault': ['tenant-admin'],
  'POST /api/v1/tenants/:tenant/vault/test': ['tenant-admin'],
  'POST /api/v1/tenants/:tenant/tokens': ['tenant-admin', 'platform-admin'],
  'GET /api/v1/tenants/:tenant/tokens': tenantReaders,
  'DELETE /api/v1/tenants/:tenant/tokens/:id': ['tenant-admin', 'tenant-member'],
  'POST /api/v1/tokens': ['platform-admin'],
  'GET /api/v1/tokens': ['platform-admin', 'platform-auditor'],
  'DELETE /api/v1/tokens/:id': ['platform-admin'],
  'GET /api/v1/tenants/:tenant/credentials': credentialReaders,
  'PUT /api/v1/tenants/:tenant/credentials/:service': credentialWriters,
  'GET /api/v1/tenants/:tenant/credentials/:service': credentialReaders,
  'PATCH /api/v1/tenants/:tenant/credentials/:service': credentialWriters,
  'DELETE /api/v1/tenants/:tenant/credentials/:service': credentialWriters,
  'POST /api/v1/tenants/:tenant/credentials/:service/revoke': credentialWriters,
  'POST /api/v1/tenants/:tenant/credentials/:service/recover': credentialWriters,
  'POST /api/v1/tenants/:tenant/credentials/:service/adopt': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/credentials/:service/adopt/preview': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/credentials/:service/migrate': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/credentials/:service/migrate/preview': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/credentials/:service/purge': credentialWriters,
  'POST /api/v1/tenants/:tenant/users': ['tenant-admin', 'platform-admin'],
  'GET /api/v1/tenants/:tenant/users': ['tenant-admin', 'tenant-auditor', 'platform-auditor'],
  'GET /api/v1/tenants/:tenant/users/:id': ['tenant-admin', 'tenant-auditor', 'platform-auditor'],
  'PATCH /api/v1/tenants/:tenant/users/:id': ['tenant-admin'],
  'DELETE /api/v1/tenants/:tenant/users/:id': ['tenant-admin'],
  'POST /api/v1/users': ['platform-admin'],
  'GET /api/v1/users': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/users/:id': ['platform-admin', 'platform-auditor'],
  'PATCH /api/v1/users/:id': ['platform-admin'],
  'DELETE /api/v1/users/:id': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/roles': ['tenant-admin'],
  'GET /api/v1/tenants/:tenant/roles': tenantReaders,
  'GET /api/v1/tenants/:tenant/roles/:id': tenantReaders,
  'PUT /api/v1/tenants/:tenant/roles/:id': ['tenant-admin'],
  'DELETE /api/v1/tenants/:tenant/roles/:id': ['tenant-admin'],
  'POST /api/v1/roles': ['platform-admin'],
  'GET /api/v1/roles': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/roles/:id': ['platform-admin', 'platform-auditor'],
  'PUT /api/v1/roles/:id': ['platform-admin'],
  'DELETE /api/v1/roles/:id': ['platform-admin'],
  'GET /api/v1/platform/credentials': platformReaders,
  'PUT /api/v1/platform/credentials/:service': ['platform-admin'],
  'GET /api/v1/platform/credentials/:service': platformReaders,
  'PATCH /api/v1/platform/credentials/:service': ['platform-admin'],
  'DELETE /api/v1/platform/credentials/:service': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/revoke': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/recover': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/adopt': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/adopt/preview': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/migrate': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/migrate/preview': ['platform-admin'],
  'POST /api/v1/platform/credentials/:service/purge': ['platform-admin'],
  'POST /api/v1/tenants/:tenant/gateway-keys': ['tenant-admin'],
  'GET /api/v1/tenants/:tenant/gateway-keys': tenantReaders,
  'GET /api/v1/tenants/:tenant/gateway-keys/:id': tenantReaders,
  'PATCH /api/v1/tenants/:tenant/gateway-keys/:id': ['tenant-admin'],
  'DELETE /api/v1/tenants/:tenant/gateway-keys/:id': ['tenant-admin'],
  'POST /api/v1/tenants/:tenant/gateway-keys/:id/rotate': ['tenant-admin'],
  'POST /api/v1/platform/gateway-keys/find': ['platform-admin'],
  'POST /api/v1/platform/tenants/:tenant/gateway-keys/:id/disable': ['platform-admin'],
  'GET /api/v1/tenants/:tenant/gateway-keys/:id/budget': tenantReaders,
  'GET /api/v1/tenants/:tenant/budgets': tenantReaders,
  'PUT /api/v1/tenants/:tenant/budgets': ['tenant-admin'],
  'GET /api/v1/platform/tenants/:tenant/budgets': platformReaders,
  'PUT /api/v1/platform/tenants/:tenant/budgets': ['platform-admin'],
  'GET /api/v1/tenants/:tenant/usage': [...platformReaders, ...tenantRoles],
  'GET /api/v1/tenants/:tenant/usage/events': [...platformReaders, ...tenantRoles],
  'GET /api/v1/audit': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/audit/checkpoint': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/audit/proof': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/audit/entries': ['platform-admin', 'platform-auditor'],
  'GET /api/v1/tenants/:tenant/audit/checkpoint': ['platform-admin', 'platform-auditor', 'tenant-admin', 'tenant-auditor'],
  'GET /api/v1/tenants/:tenant/audit/proof': ['platform-admin', 'platform-auditor', 'tenant-admin', 'tenant-auditor'],
  'GET /api/v1/tenants/:tenant/audit/entries': ['platform-admin', 'platform-auditor', 'tenant-admin', 'tenant-auditor'],
  'GET /api/v1/tenants/:tenant/audit': ['platform-admin', 'platform-auditor', 'tenant-admin', 'tenant-auditor'],
  'POST /api/v1/platform/seal': ['platform-admin'],
  'POST /api/v1/platform/unseal': ['platform-admin'],
  'GET /api/v1/platform/seal': platformReaders,
  'GET /api/v1/services': everybody,
  'GET /api/v1/jobs': platformReaders,
  'GET /api/v1/stores': platformReaders,
  'GET /api/v1/stores/:store/secrets': ['platform-admin'],
  'GET /api/v1/platform/keys': platformReaders,
  'POST /api/v1/platform/keys/rewrap': ['platform-admin'],
  'POST /api/v1/platform/keys/rotate-data': ['platform-admin'],
  'GET /api/v1/platform/keys/data-rotation': platformReaders,
  'GET /api/v1/platform/keys/provider-keys': platformReaders,
  'GET /api/v1/me': everybody,
  'GET /api/v1/openapi.json': everybody,
  'POST /tenant/ai/credentials/:provider': credentialWriters,
  'DELETE /tenant/ai/credentials/:provider': credentialWriters,
  'GET /api/brain/vault/health': platformReaders,
  'GET /api/v1/health': 'open',
  'GET /livez': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'open',
};

const guarded = routeTable.filter((route): route is GuardedRoute => route.kind === 'guarded');
const ofTenants = guarded.filter(({ url }) => url.includes(':tenant') || url.startsWith('/tenant/ai/'));

let plane: TestControlPlane;
const tokens = new Map<TestRole, string>();
let stranger: string;

beforeAll(async () => {
  plane = await startControlPlane();
  for (const id of ['acme', 'globex']) await plane.must('POST', '/api/v1/tenants', { body: { id, name: id } });
  for (const role of platformRoles) tokens.set(role, await plane.token(role));
  for (const role of tenantRoles) tokens.set(role, await plane.token(role, 'acme'));
  const key = await plane.must('POST', '/api/v1/tenants/acme/gateway-keys', { token: tokenOf('tenant-admin'), body: { name: 'application' } });
  tokens.set('gateway-key', String(key['key']));
  stranger = await plane.token('tenant-admin', 'globex');
});

afterAll(async () => plane.close());

function tokenOf(role: TestRole): string {
  const text = tokens.get(role);
  if (text === undefined) throw new Error(`There is no token for ${role}.`);
  return text;
}

function nameOf({ method, url }: Route): string {
  return `${method} ${url}`;
}

/** Something that no route takes, so that even those who may do it change nothing. */
const nonsense = { nobodyKnowsThis: true };

function ask(route: Route, token: string | null, tenant = 'acme'): Promise<HttpAnswer> {
  const path = route.url.replace(':tenant', tenant).replace(/:service|:provider/, 'openai').replace(':id', 'abcdefghij012345').replace(':store', 'sealed');
  const query = route.url.startsWith('/tenant/ai/') ? `?tenant_id=${tenant}` : route.url.endsWith('/audit/proof') ? '?from=0' : '';
  return plane.call(route.method, path + query, { token, ...(route.method === 'GET' ? {} : { body: nonsense }) });
}

/** An answer as a stranger sees it, without what differs from request to request. */
function seen({ status, headers, text }: HttpAnswer, tenant: string): unknown {
  const { date: _date, 'x-request-id': id, 'content-length': _length, ...others } = headers;
  return { status, others, text: text.replaceAll(String(id), 'ID').replaceAll(tenant, 'TENANT') };
}

describe('every route of the control plane', () => {
  it('R0.2 is in the role table, and nothing else is', () => {
    expect(routeTable.map(nameOf).toSorted()).toEqual(Object.keys(mayUse).toSorted());
  });

  it.each(guarded.map((route) => [nameOf(route), route] as const))('R0.3 401: %s needs a key, and a cookie is none', async (_name, route) => {
    const answer = await ask(route, null);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
    expect(answer.json['error']).toMatchObject({ code: 'unauthenticated' });
    const path = route.url.replace(/:\w+/g, 'acme');
    expect((await plane.call(route.method, path, { token: null, headers: { cookie: `token=${tokenOf('tenant-admin')}` } })).status).toBe(401);
  });

  it.each(guarded.map((route) => [nameOf(route), route] as const))('S22 401: %s takes no key of another kind', async (_name, route) => {
    plane.clock.advance(61_000);
    const answers = [await ask(route, tokenOf('tenant-admin').replace('kh_t_', 'kh_s_')), await ask(route, `${tokenOf('tenant-admin').slice(0, -1)}!`)];
    if (!route.accepts.includes('g')) answers.push(await ask(route, tokenOf('gateway-key')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
  });

  it.each(guarded.map((route) => [nameOf(route), route] as const))('R0.2 403: %s is for the roles of the table, before its body is looked at', async (name, route) => {
    plane.clock.advance(61_000);
    const allowed = mayUse[name] ?? [];
    for (const role of everybody.filter((each) => each !== 'gateway-key' || route.accepts.includes('g'))) {
      const answer = await ask(route, tokenOf(role));
      if (!allowed.includes(role)) {
        expect([role, answer.status, answer.json['error']]).toMatchObject([role, 403, { code: 'permission_denied' }]);
      } else if (route.method === 'GET') {
        expect([role, answer.status]).toEqual([role, route.url.includes(':id') || route.url.includes(':service') || route.url.endsWith('/vault') ? 404 : 200]);
      } else {
        expect([role, answer.status, answer.json['error']]).toMatchObject([role, 400, { code: 'invalid_argument' }]);
      }
    }
  });

  it.each(ofTenants.map((route) => [nameOf(route), route] as const))('R10.2 404: %s tells a stranger the same of a tenant that is there and of one that is not', async (_name, route) => {
    const there = await ask(route, stranger, 'acme');
    expect(there.status).toBe(404);
    expect(seen(there, 'acme')).toEqual(seen(await ask(route, stranger, 'nowhere'), 'nowhere'));
    expect((await ask(route, tokenOf('platform-admin'), 'nowhere')).status).toBe(mayUse[nameOf(route)]?.includes('platform-admin') === true ? 404 : 403);
  });

  it('S29 wrote a row for each refusal, in the log of whoever was refused', async () => {
    const rows = await plane.must('GET', '/api/v1/tenants/globex/audit?limit=1000', { token: stranger });
    const denied = (rows['items'] as { outcome: string; resource: string }[]).filter(({ outcome }) => outcome === 'denied');
    expect(denied.length).toBe(ofTenants.length * 2);
    expect(JSON.stringify(rows)).not.toContain('acme');
  });

  it('changed nothing', async () => {
    const list = async (path: string, token: string) => (await plane.must('GET', path, { token }))['items'];
    expect(await list('/api/v1/tenants/acme/credentials', tokenOf('tenant-admin'))).toEqual([]);
    expect(await list('/api/v1/platform/credentials', tokenOf('platform-admin'))).toEqual([]);
    expect(await list('/api/v1/tenants/acme/gateway-keys', tokenOf('tenant-admin'))).toHaveLength(1);
  });

  it('R0.2 is described by the API description, which any signed-in caller reads', async () => {
    const { paths } = (await plane.must('GET', '/api/v1/openapi.json', { token: tokenOf('gateway-key') })) as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`));
    expect(described.toSorted()).toEqual(Object.keys(mayUse).toSorted());
  });

  it('R0.2 answers what the API description says it answers, metrics included', async () => {
    interface Operation {
      readonly operationId: string;
      readonly security: readonly object[];
      readonly responses: Record<string, { readonly content?: object }>;
    }
    const { paths } = (await plane.must('GET', '/api/v1/openapi.json')) as { paths: Record<string, { readonly get?: Operation }> };
    for (const route of routeTable.filter(({ method }) => method === 'GET')) {
      const answer = await ask(route, tokenOf('platform-auditor'));
      const operation = paths[route.url.replaceAll(/:(\w+)/g, '{$1}')]?.get;
      const described = operation?.responses[answer.status] ?? operation?.responses['default'];
      expect([route.url, Object.keys(described?.content ?? {})]).toEqual([route.url, [String(answer.headers['content-type']).split(';', 1)[0]]]);
    }
    expect(paths['/metrics']?.get?.security).toEqual([{}, { token: [] }]);
    expect(paths['/livez']?.get?.security).toEqual([]);
    const names = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('putTenantsByTenantCredentialsByService');
  });
});
