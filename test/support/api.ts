import { type Product, testAdminToken } from './product.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; `{}` where there is none. */
  readonly body: Record<string, unknown>;
}

/** Calls the control plane as one caller. */
export interface Api {
  readonly token: string;
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
  /** As `call`, and throws with the answer's text unless it is a 2xx. */
  must(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
}

export function apiOf(url: string, token: string = testAdminToken): Api {
  const call: Api['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };
  return {
    token,
    call,
    must: async (method, path, body, headers) => {
      const answer = await call(method, path, body, headers);
      if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer;
    },
  };
}

export interface TestTenant {
  readonly id: string;
  /** Acts as the tenant's administrator. */
  readonly admin: Api;
  readonly gatewayKey: string;
  readonly gatewayKeyId: string;
}

/** A tenant with its first administrator and one gateway key. */
export async function makeTenant(product: Pick<Product, 'url'>, id: string, gatewayKey: Record<string, unknown> = {}, platform: Api = apiOf(product.url)): Promise<TestTenant> {
  await platform.must('POST', '/api/v1/tenants', { id, name: `Tenant ${id}` });
  const token = await platform.must('POST', `/api/v1/tenants/${id}/tokens`, { name: 'first administrator', role: 'tenant-admin' });
  const admin = apiOf(product.url, String(token.body['token']));
  const key = await admin.must('POST', `/api/v1/tenants/${id}/gateway-keys`, { name: 'application', ...gatewayKey });
  return { id, admin, gatewayKey: String(key.body['key']), gatewayKeyId: String(key.body['id']) };
}

export async function handOver(tenant: TestTenant, service: string, key: string): Promise<ApiAnswer> {
  return tenant.admin.must('PUT', `/api/v1/tenants/${tenant.id}/credentials/${service}`, { fields: { api_key: key } });
}
