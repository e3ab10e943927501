import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessMatrix, nameOf } from '../../test/support/access-matrix.ts';
import { startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import type { GuardedRoute } from './route.ts';
import { routeTable } from './route-table.ts';

const guarded = routeTable.filter((route): route is GuardedRoute => route.kind === 'guarded');
let plane: TestControlPlane;
let matrix: AccessMatrix;

beforeAll(async () => {
  plane = await startControlPlane();
  matrix = new AccessMatrix(plane);
  await matrix.makeKeys();
});

afterAll(async () => plane.close());

describe('every route of the control plane', () => {
  it.each(guarded.map((route) => [nameOf(route), route] as const))('R0.3 401: %s needs a key, and a cookie is none', async (_name, route) => {
    const answer = await matrix.ask(route, null);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
    expect(answer.json['error']).toMatchObject({ code: 'unauthenticated' });
    const path = route.url.replace(/:\w+/g, 'acme');
    expect((await plane.call(route.method, path, { token: null, headers: { cookie: `token=${matrix.key('acme tenant-admin')}` } })).status).toBe(401);
  });

  it.each(guarded.map((route) => [nameOf(route), route] as const))('S22 401: %s takes no key of another kind', async (_name, route) => {
    plane.clock.advance(61_000);
    const answers = [await matrix.ask(route, matrix.key('acme tenant-admin').replace('kh_t_', 'kh_s_')), await matrix.ask(route, `${matrix.key('acme tenant-admin').slice(0, -1)}!`)];
    if (!route.accepts.includes('g')) answers.push(await matrix.ask(route, matrix.key('acme gateway key')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
  });

  it('R0.2 is described by the API description, which any signed-in caller reads', async () => {
    const { paths } = (await plane.must('GET', '/api/v1/openapi.json', { token: matrix.key('acme gateway key') })) as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`));
    expect(described.toSorted()).toEqual(routeTable.map(nameOf).toSorted());
  });

  it('R0.2 answers what the API description says it answers, metrics included', async () => {
    interface Operation {
      readonly operationId: string;
      readonly security: readonly object[];
      readonly responses: Record<string, { readonly content?: object }>;
    }
    const { paths } = (await plane.must('GET', '/api/v1/openapi.json')) as { paths: Record<string, { readonly get?: Operation }> };
    for (const route of routeTable.filter(({ method }) => method === 'GET')) {
      const answer = await matrix.ask(route, matrix.key('platform-auditor'));
      const operation = paths[route.url.replaceAll(/:(\w+)/g, '{$1}')]?.get;
      const described = operation?.responses[answer.status] ?? operation?.responses['default'];
      expect([route.url, Object.keys(described?.content ?? {})]).toEqual([route.url, [String(answer.headers['content-type']).split(';', 1)[0]]]);
    }
    expect(paths['/metrics']?.get?.security).toEqual([{}, { token: [] }, { session: [] }]);
    expect(paths['/api/v1/me']?.get?.security).toEqual([{ token: [] }, { session: [] }]);
    expect(paths['/livez']?.get?.security).toEqual([]);
    const withoutContent = Object.values(paths).flatMap((path) => Object.values(path).flatMap(({ responses }) => responses[204] ?? []));
    expect(withoutContent.length).toBeGreaterThan(0);
    for (const response of withoutContent) expect(response.content).toBeUndefined();
    const names = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('putTenantsByTenantCredentialsByService');
  });
});
