import { type Api, apiOf, handOver, makeTenant } from '../api.ts';
import type { Product } from '../product.ts';

/** Texts by what they name: what schemathesis puts where a made-up one would only ever be 404. */
export type KnownNames = Readonly<Record<'ids' | 'services' | 'labels' | 'ends', readonly string[]>>;

export interface AskedWorld {
  readonly names: KnownNames;
  readonly tokens: Readonly<Record<'platform-admin' | 'tenant-admin' | 'tenant-auditor', string>>;
}

/** Somebody who signs in has to be there, so that users can be invited. */
export const askedEnvironment = {
  KEYHOLD_OIDC_ISSUER: 'https://login.example.com',
  KEYHOLD_OIDC_AUDIENCE: 'https://keyhold.example.com',
  KEYHOLD_OIDC_TENANTS: 'any',
  KEYHOLD_OIDC_HIGHEST_ROLE: 'tenant-admin',
  KEYHOLD_OIDC_PLATFORM_ROLES: 'true',
};

export const ASKED_TENANT = 'acme';
/** Each can be deleted or shredded once. */
const ENDS = Array.from({ length: 20 }, (_, index) => `ends-${index}`);

/** An installation in which there is something of every kind. */
export async function askedWorld(product: Product): Promise<AskedWorld> {
  const platform = apiOf(product.url);
  const tenant = await makeTenant(product, ASKED_TENANT);
  for (const id of ENDS) await platform.must('POST', '/api/v1/tenants', { id, name: id });
  for (const service of ['openai', 'anthropic']) await handOver(tenant, service, `sk-test-${service}-0123456789`);
  const auditor = await tenant.admin.must('POST', `/api/v1/tenants/${ASKED_TENANT}/tokens`, { name: 'auditor', role: 'tenant-auditor' });
  const ids = [tenant.gatewayKeyId, ...(await things(tenant.admin, `/api/v1/tenants/${ASKED_TENANT}`, 'tenant-member')), ...(await things(platform, '/api/v1', 'platform-auditor'))];
  return {
    names: { ids, services: ['openai', 'anthropic', 'twilio'], labels: ['default', 'second'], ends: ENDS },
    tokens: { 'platform-admin': platform.token, 'tenant-admin': tenant.admin.token, 'tenant-auditor': String(auditor.body['token']) },
  };
}

/** The ids of a few tokens, users and roles, made there. */
async function things(api: Api, at: string, role: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const number of [1, 2, 3]) {
    const token = await api.must('POST', `${at}/tokens`, { name: `token ${number}`, role });
    const user = await api.must('POST', `${at}/users`, { issuer: 'https://login.example.com', subject: `user-${number}-${role}`, role, ...(role === 'tenant-member' ? { name: 'Somebody' } : {}) });
    const name = `role-${number}`;
    await api.must('POST', `${at}/roles`, { name, permissions: [] });
    ids.push(String(token.body['id']), String(user.body['id']), name);
  }
  return ids;
}
