import { isOwn } from '../../src/core/access/actions.ts';
import { platformRoles, tenantRoles } from '../../src/core/access/role.ts';
import type { GuardedRoute, Route } from '../../src/http/route.ts';
import { send, startGateway } from './gateway-fixture.ts';
import type { HttpAnswer, TestControlPlane } from './control-plane.ts';

/** Who asks: without a key, with each role and a gateway key of the tenant that is asked about, and with all of these of another tenant. */
export const columns = ['no key', ...platformRoles, ...tenantRoles, 'gateway key', 'of another tenant'] as const;
type Column = (typeof columns)[number];

/** What a caller gets: `yes` where it may, `404` where everything looks as if the tenant did not exist. */
type Cell = 'yes' | '401' | '403' | '404';
export interface MatrixRow {
  readonly name: string;
  readonly cells: Readonly<Record<Column, Cell | '–'>>;
}

const HERE = 'acme';
const ELSEWHERE = 'globex';
/** Something that no route takes, so that even those who may do it change nothing. */
const nonsense = { nobodyKnowsThis: true };
const gatewayRoutes = [['POST', '/v1/chat/completions'], ['POST', '/anthropic/v1/messages'], ['POST', '/proxy/openai/v1/chat/completions'], ['POST', '/api/ai/chat']] as const;

/** Keys of two tenants and of the platform, one for each role, and the answers to each of them on every route. */
export class AccessMatrix {
  readonly #plane: TestControlPlane;
  readonly #keys = new Map<string, string>();

  constructor(plane: TestControlPlane) {
    this.#plane = plane;
  }

  async makeKeys(): Promise<void> {
    const { must, token } = this.#plane;
    for (const role of platformRoles) this.#keys.set(role, await token(role));
    for (const tenant of [HERE, ELSEWHERE]) {
      await must('POST', '/api/v1/tenants', { body: { id: tenant, name: tenant } });
      for (const role of tenantRoles) this.#keys.set(`${tenant} ${role}`, await token(role, tenant));
      const admin = this.key(`${tenant} tenant-admin`);
      const made = await must('POST', `/api/v1/tenants/${tenant}/gateway-keys`, { token: admin, body: { name: 'application' } });
      this.#keys.set(`${tenant} gateway key`, String(made['key']));
      this.#keys.set(`${tenant} gateway key id`, String(made['id']));
      await must('POST', `/api/v1/tenants/${tenant}/roles`, { token: admin, body: { name: 'permits-nothing', permissions: [] } });
      this.#keys.set(`${tenant} permits-nothing`, await token('permits-nothing', tenant));
    }
  }

  key(whose: string): string {
    const key = this.#keys.get(whose);
    if (key === undefined) throw new Error(`There is no key of ${whose}.`);
    return key;
  }

  /** The row of a route of the control plane; throws where callers who must get the same do not, or one gets what is no cell. */
  async rowOf(route: GuardedRoute): Promise<MatrixRow> {
    // Keys that do not sign in here are counted by address, and callers are read anew.
    this.#plane.clock.advance(61_000);
    const ask = async (whose: string | null): Promise<Cell> => cellOf(route, await this.ask(route, whose === null ? null : this.key(whose)));
    const cells: Partial<Record<Column, Cell | '–'>> = { 'no key': await ask(null) };
    for (const role of platformRoles) cells[role] = await ask(role);
    for (const role of tenantRoles) cells[role] = await ask(`${HERE} ${role}`);
    cells['gateway key'] = await ask(`${HERE} gateway key`);
    const others = await Promise.all(tenantRoles.map((role) => ask(`${ELSEWHERE} ${role}`)));
    cells['of another tenant'] = isOfTenant(route) ? same(route, others) : '–';
    const nothing = await ask(`${HERE} permits-nothing`);
    if (nothing !== (isOwn(route.action) ? 'yes' : '403')) throw new Error(`${nameOf(route)}: a role that permits nothing got ${nothing}.`);
    return { name: nameOf(route), cells: cells as MatrixRow['cells'] };
  }

  ask(route: Route, key: string | null, tenant = HERE, id = 'abcdefghij012345', body: unknown = nonsense): Promise<HttpAnswer> {
    const path = route.url.replace(':tenant', tenant).replace(/:service|:provider/, 'openai').replace(':id', id).replace(':store', 'sealed');
    const query = route.url.startsWith('/tenant/ai/') ? `?tenant_id=${tenant}` : route.url.endsWith('/audit/proof') ? '?from=0' : '';
    if (/:\w/.test(path)) throw new Error(`${path}: say here what stands in this place.`);
    return this.#plane.call(route.method, path + query, { token: key, ...(route.method === 'GET' ? {} : { body }) });
  }

  /** The rows of the gateway, which names no tenant: whoever may use it uses their own, and a key of another tenant is that tenant's. */
  async gatewayRows(): Promise<readonly MatrixRow[]> {
    const { principals, access } = this.#plane.services;
    const gateway = await startGateway({ baseUrls: {}, replaced: { principals, access } });
    try {
      return await Promise.all(gatewayRoutes.map(async ([method, path]) => {
        const ask = async (whose: string | null): Promise<Cell> => {
          const headers = whose === null ? {} : { authorization: `Bearer ${this.key(whose)}` };
          const { status } = await send(gateway.url, { method, path, headers, body: 'nonsense' });
          if (status === 401) return '401';
          if (status === 403) return '403';
          if (status >= 500) throw new Error(`${method} ${path}: ${status}.`);
          return 'yes';
        };
        const cells: Partial<Record<Column, Cell | '–'>> = { 'no key': await ask(null), 'gateway key': await ask(`${HERE} gateway key`), 'of another tenant': '–' };
        for (const role of platformRoles) cells[role] = await ask(role);
        for (const role of tenantRoles) cells[role] = await ask(`${HERE} ${role}`);
        return { name: `${method} ${path}`, cells: cells as MatrixRow['cells'] };
      }));
    } finally {
      await gateway.close();
    }
  }
}

export function nameOf({ method, url }: Route): string {
  return `${method} ${url}`;
}

/** Whether the address names a tenant. */
export function isOfTenant({ url }: Route): boolean {
  return url.includes(':tenant') || url.startsWith('/tenant/ai/');
}

function cellOf(route: GuardedRoute, { status, json, text }: HttpAnswer): Cell {
  if (status === 401) return '401';
  if (status === 403) return '403';
  const { message } = (json['error'] ?? {}) as { readonly message?: unknown };
  if (status === 404 && message === `There is no tenant ${HERE}.`) return '404';
  // Who may do it is told what is wrong with the nonsense; a reader sees it, or hears that there is nothing of that id.
  if (route.method === 'GET' ? status === 200 || status === 404 : status === 400) return 'yes';
  throw new Error(`${nameOf(route)}: ${status} ${text}`);
}

function same(route: Route, cells: readonly Cell[]): Cell {
  const [first = '401', ...rest] = cells;
  if (rest.some((cell) => cell !== first)) throw new Error(`${nameOf(route)}: the roles of another tenant get ${cells.join(', ')}.`);
  return first;
}
