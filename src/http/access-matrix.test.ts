import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessMatrix, columns, isOfTenant, type MatrixRow, nameOf } from '../../test/support/access-matrix.ts';
import { type HttpAnswer, startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import { countedStore } from '../../test/support/counted-store.ts';
import { sampleBody } from '../../test/support/sample-body.ts';
import { expectWritten } from '../../test/support/written-section.ts';
import { isOwn } from '../core/access/actions.ts';
import { actingOn } from '../core/access/acting-on.ts';
import type { Actor } from '../core/access/actor.ts';
import { platformRoles, tenantRoles } from '../core/access/role.ts';
import { KeyholdError } from '../ports/errors.ts';
import { platformScope, tenantScope } from '../ports/scope.ts';
import type { GuardedRoute } from './route.ts';
import { routeTable } from './route-table.ts';

const guarded = routeTable.filter((route): route is GuardedRoute => route.kind === 'guarded');
const { store, asked } = countedStore();
let plane: TestControlPlane;
let matrix: AccessMatrix;
const rows = new Map<string, MatrixRow>();
let gatewayRows: readonly MatrixRow[];

beforeAll(async () => {
  plane = await startControlPlane({ metadata: store });
  matrix = new AccessMatrix(plane);
  await matrix.makeKeys();
  for (const route of guarded) rows.set(nameOf(route), await matrix.rowOf(route));
  gatewayRows = await matrix.gatewayRows();
}, 120_000);

afterAll(async () => plane.close());

function rowOf(route: GuardedRoute): MatrixRow {
  const row = rows.get(nameOf(route));
  if (row === undefined) throw new Error(`${nameOf(route)} was never asked.`);
  return row;
}

/** An answer as a stranger sees it, without what differs from request to request and without the names that were asked for. */
function seen({ status, headers, text }: HttpAnswer, ...names: readonly string[]): unknown {
  const { date: _date, 'x-request-id': id, 'content-length': _length, ...others } = headers;
  return { status, others, text: names.reduce((rest, name) => rest.replaceAll(name, 'NAME'), text.replaceAll(String(id), 'ID')) };
}

/** What was answered, and which questions that was to the database. */
async function withWork(ask: () => Promise<HttpAnswer>): Promise<{ readonly answer: HttpAnswer; readonly work: readonly string[] }> {
  asked.splice(0);
  const answer = await ask();
  return { answer, work: asked.splice(0).filter((question) => !question.startsWith('audit.')) };
}

describe('who gets which answer on which route', () => {
  it('R0.2, S25: docs/access.md says what every caller got on every route of the control plane and of the gateway', () => {
    const line = ({ name, cells }: MatrixRow): string => `| \`${name}\` | ${columns.map((column) => cells[column]).join(' | ')} |`;
    const head = [`| | ${columns.join(' | ')} |`, `|---|${columns.map(() => '---|').join('')}`];
    expectWritten('access.md', 'routes', [...head, ...guarded.map((route) => line(rowOf(route))), ...gatewayRows.map(line)]);
  });

  it('R0.2: it is what the action table says, for each role', () => {
    for (const route of guarded) {
      const scope = isOfTenant(route) ? tenantScope('acme') : platformScope;
      for (const role of [...platformRoles, ...tenantRoles]) {
        const isPlatform = platformRoles.some((one) => one === role);
        const actor: Actor = { kind: 'token', id: 'x', role, scope: isPlatform ? platformScope : tenantScope('acme') };
        const decided = actingOn(actor, route.action, scope);
        expect([nameOf(route), role, rowOf(route).cells[role]]).toEqual([nameOf(route), role, decided instanceof KeyholdError ? '403' : 'yes']);
      }
    }
  });

  it('R10.2: no route lacks its 401, its 403 and its other tenant', () => {
    for (const route of guarded) {
      const { cells } = rowOf(route);
      const missing = [
        ...(cells['no key'] === '401' ? [] : ['401']),
        ...(isOwn(route.action) || Object.values(cells).includes('403') ? [] : ['403']),
        ...(!isOfTenant(route) || cells['of another tenant'] === '404' ? [] : ['another tenant']),
      ];
      expect([nameOf(route), missing]).toEqual([nameOf(route), []]);
    }
    for (const { cells } of gatewayRows) expect(cells).toMatchObject({ 'no key': '401', 'platform-admin': '403', 'tenant-auditor': '403', 'tenant-member': 'yes', 'gateway key': 'yes' });
    expect(routeTable.filter(({ kind }) => kind === 'entry').map(nameOf)).toEqual(['POST /api/v1/sign-in', 'GET /api/v1/sign-in/start', 'GET /api/v1/sign-in/callback', 'POST /api/v1/sign-in/backchannel-logout']);
    expect(routeTable.filter(({ kind }) => kind === 'open').map(nameOf).toSorted()).toEqual(['GET /api/v1/health', 'GET /api/v1/sign-in', 'GET /livez', 'GET /metrics', 'GET /readyz']);
  });

  it('changed nothing', async () => {
    for (const tenant of ['acme', 'globex']) {
      const token = matrix.key(`${tenant} tenant-admin`);
      expect((await plane.must('GET', `/api/v1/tenants/${tenant}/credentials`, { token }))['items']).toEqual([]);
      expect((await plane.must('GET', `/api/v1/tenants/${tenant}/gateway-keys`, { token }))['items']).toHaveLength(1);
      expect((await plane.must('GET', `/api/v1/tenants/${tenant}/users`, { token }))['items']).toEqual([]);
    }
    expect((await plane.must('GET', '/api/v1/platform/credentials'))['items']).toEqual([]);
  });
});

describe('R10.2: what is not yours is what does not exist', () => {
  it('a tenant: the same status, headers, body but for its name, and questions to the database, on every route', async () => {
    const stranger = matrix.key('globex tenant-admin');
    await plane.must('GET', '/api/v1/me', { token: stranger });
    for (const route of guarded.filter(isOfTenant)) {
      const there = await withWork(() => matrix.ask(route, stranger, 'acme'));
      const nowhere = await withWork(() => matrix.ask(route, stranger, 'nowhere'));
      expect([nameOf(route), there.answer.status, seen(there.answer, 'acme'), there.work]).toEqual([nameOf(route), 404, seen(nowhere.answer, 'nowhere'), nowhere.work]);
    }
  });

  it('S29: and only the stranger\'s own log says that they asked', async () => {
    const { text } = await plane.call('GET', '/api/v1/tenants/globex/audit?limit=1000', { token: matrix.key('globex tenant-admin') });
    expect(text).toContain('"denied"');
    expect(text).not.toContain('acme');
    const own = await plane.call('GET', '/api/v1/tenants/acme/audit?limit=1000', { token: matrix.key('acme tenant-admin') });
    expect(own.text).not.toContain('globex');
  });

  it('a thing of another tenant, by its id, on every route that takes one', async () => {
    const [admin, other] = [matrix.key('acme tenant-admin'), matrix.key('globex tenant-admin')];
    const made = async (path: string, body: object): Promise<string> => String((await plane.must('POST', `/api/v1/tenants/globex/${path}`, { token: other, body }))['id']);
    await plane.must('POST', '/api/v1/tenants/globex/roles', { token: other, body: { name: 'theirs-alone', permissions: [] } });
    /** Of each kind one of the other tenant's, and a name that nothing has. */
    const things: Readonly<Record<string, readonly [string, string]>> = {
      tokens: [await made('tokens', { name: 'x', role: 'tenant-member' }), 'zzzzzzzzzz012345'],
      'gateway-keys': [matrix.key('globex gateway key id'), 'zzzzzzzzzz012345'],
      roles: ['theirs-alone', 'nobodys-role'],
      users: [await made('users', { issuer: 'https://login.example.com', subject: 'x', name: 'X', role: 'tenant-member' }), `usr_${'0'.repeat(32)}`],
    };
    for (const route of guarded.filter(({ url }) => url.startsWith('/api/v1/tenants/:tenant/') && url.includes(':id'))) {
      const kind = route.url.split('/')[5] ?? '';
      const [theirs, nobodys] = things[kind] ?? [];
      if (theirs === undefined || nobodys === undefined) throw new Error(`${nameOf(route)}: say here what another tenant's ${kind} are.`);
      if (rowOf(route).cells['tenant-admin'] !== 'yes') continue;
      const body = route.schema.body === undefined ? {} : sampleBody(route);
      const there = await withWork(() => matrix.ask(route, admin, 'acme', theirs, body));
      const nowhere = await withWork(() => matrix.ask(route, admin, 'acme', nobodys, body));
      expect([nameOf(route), there.answer.status, seen(there.answer, theirs), there.work]).toEqual([nameOf(route), 404, seen(nowhere.answer, nobodys), nowhere.work]);
    }
  });
});
