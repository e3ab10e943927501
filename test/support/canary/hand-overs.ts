import { expect } from 'vitest';
import type { Ask } from './witness.ts';
import { signInAtProvider } from './browser-sign-in.ts';
import { type CanaryWorld, chat, ofPlatform, ofTenant, PUBLIC_URL, TENANT } from './canary-world.ts';

/** Every operation on tenants, tokens and gateway keys. */
export async function makeCallers(world: CanaryWorld): Promise<void> {
  await world.ok({ method: 'POST', path: '/api/v1/tenants', token: world.platform, body: { id: TENANT, name: 'Canary' } });
  await world.ok({ method: 'POST', path: '/api/v1/tenants', token: world.platform, body: { id: 'another-tenant', name: 'Another' } });
  const first = { method: 'POST', path: `${ofTenant}/tokens`, token: world.platform, body: { name: 'first', role: 'tenant-admin' }, headers: { 'idempotency-key': world.canaries.mintPlain('idempotency-key') }, shows: 'token' };
  world.admin = world.canaries.token('tenant-admin token', String((await world.ok(first)).body['token']));
  expect((await world.ok(first)).body['token']).toBeNull();
  for (const role of ['tenant-member', 'tenant-auditor']) await world.makeToken(`${ofTenant}/tokens`, world.admin, role);
  for (const role of ['platform-admin', 'platform-operator', 'platform-auditor']) await world.makeToken('/api/v1/tokens', world.platform, role);
  const ended = await world.makeToken('/api/v1/tokens', world.platform, 'platform-admin');
  await world.ok({ method: 'DELETE', path: `/api/v1/tokens/${ended.id}`, token: world.platform });
  await world.statuses([[401, { method: 'GET', path: '/api/v1/me', token: ended.text }]]);
  const endedOfTenant = await world.makeToken(`${ofTenant}/tokens`, world.admin, 'tenant-member');
  await world.ok({ method: 'DELETE', path: `${ofTenant}/tokens/${endedOfTenant.id}`, token: world.admin });

  await signInAndOut(world, world.admin);
  await signInAtProvider(world);
  for (const [base, token, role] of [[`${ofTenant}/users`, world.admin, 'tenant-member'], ['/api/v1/users', world.platform, 'platform-auditor']] as const) {
    const name = base === '/api/v1/users' ? {} : { name: 'Canary' };
    const { body } = await world.ok({ method: 'POST', path: base, token, body: { issuer: world.oidc.issuer, subject: 'canary', role, ...name } });
    const user = `${base}/${String(body['id'])}`;
    await world.ok({ method: 'PATCH', path: user, token, body: { disabled: false } });
    for (const path of [base, user]) await world.ok({ method: 'GET', path, token });
    if (base === '/api/v1/users') await world.ok({ method: 'POST', path: `${user}/sign-out`, token });
    await world.ok({ method: 'DELETE', path: user, token });
  }
  for (const [base, token, permission] of [[`${ofTenant}/roles`, world.admin, 'usage.read'], ['/api/v1/roles', world.platform, 'store.read']] as const) {
    await world.ok({ method: 'POST', path: base, token, body: { name: 'reader', permissions: [permission] } });
    await world.makeToken(base.replace('/roles', '/tokens'), token, 'reader');
    await world.ok({ method: 'PUT', path: `${base}/reader`, token, body: { permissions: [] } });
    for (const path of [base, `${base}/reader`]) await world.ok({ method: 'GET', path, token });
    await world.ok({ method: 'DELETE', path: `${base}/reader`, token });
  }

  const made = await world.ok({ method: 'POST', path: `${ofTenant}/gateway-keys`, token: world.admin, body: { name: 'application', tags: { team: 'canary' } }, shows: 'key' });
  world.gatewayKey = world.canaries.token('gateway key', String(made.body['key']));
  const key = `${ofTenant}/gateway-keys/${String(made.body['id'])}`;
  await world.ok({ method: 'GET', path: key, token: world.admin });
  await world.ok({ method: 'PATCH', path: key, token: world.admin, body: { name: 'the application' } });
  const rotated = await world.ok({ method: 'POST', path: `${key}/rotate`, token: world.admin, body: { overlapSeconds: 600 }, shows: 'key' });
  world.canaries.token('rotated gateway key', String(rotated.body['key']));
  const other = await world.ok({ method: 'POST', path: `${ofTenant}/gateway-keys`, token: world.admin, body: { name: 'other' }, shows: 'key' });
  const otherKey = world.canaries.token('revoked gateway key', String(other.body['key']));
  await world.ok({ method: 'POST', path: `${ofPlatform}/gateway-keys/find`, token: world.platform, body: { text: otherKey } });
  await world.ok({ method: 'POST', path: `${ofPlatform}/tenants/${TENANT}/gateway-keys/${String(other.body['id'])}/disable`, token: world.platform });
  await world.ok({ method: 'DELETE', path: `${ofTenant}/gateway-keys/${String(other.body['id'])}`, token: world.admin });
  await world.statuses([
    [401, { ...chat('gpt-local'), token: otherKey }],
    [401, { method: 'GET', path: '/api/v1/tenants', token: world.gatewayKey }],
    [400, { method: 'POST', path: `${ofTenant}/gateway-keys`, token: world.admin, body: { name: 'limited', budget: [{ amount: {}, per: 'day', hard: true }] } }],
    [403, { method: 'POST', path: `${ofTenant}/tokens`, token: world.platform, body: { name: 'second', role: 'tenant-admin' } }],
  ]);
  await world.ok({ method: 'PUT', path: `${ofTenant}/policy`, token: world.admin, body: { defaultProvider: 'openai' } });
  for (const [path, token] of [[`${ofTenant}/limits`, world.admin], [`/api/v1/platform/tenants/${TENANT}/limits`, world.platform]] as const) {
    await world.ok({ method: 'PUT', path, token, body: { requests: [{ max: 1_000_000, per: 'minute' }] } });
    await world.ok({ method: 'GET', path, token });
  }
  await world.ok({ method: 'PUT', path: '/api/v1/prices', token: world.platform, body: { prices: [{ service: 'openai', model: 'gpt-local', input: '1', output: '2' }] } });
  await world.ok({ method: 'PUT', path: `${ofTenant}/prices`, token: world.platform, body: { prices: [] } });
  for (const [path, token] of [[`${ofTenant}/budgets`, world.admin], [`/api/v1/platform/tenants/${TENANT}/budgets`, world.platform]] as const) {
    await world.ok({ method: 'PUT', path, token, body: { budgets: [{ amount: { requests: 1_000_000 }, per: 'day', hard: true }] } });
    await world.ok({ method: 'GET', path, token });
  }
  await world.ok({ method: 'POST', path: `${ofPlatform}/budget-leases/0123456789abcdef/release`, token: world.platform });
  await world.ok({ method: 'GET', path: `${ofTenant}/gateway-keys/${String(other.body['id'])}/budget`, token: world.admin });
  await world.ok({ method: 'PATCH', path: ofTenant, token: world.platform, body: { name: 'Canaries' } });
  await world.ok({ method: 'DELETE', path: '/api/v1/tenants/another-tenant', token: world.platform });
}

/** Every operation on credentials, of a tenant and of the platform, and the documented endpoints. */
export async function handOverKeys(world: CanaryWorld): Promise<void> {
  const put = async (owner: string, token: string, place: string, query = ''): Promise<string> => {
    const key = world.canaries.mint(place);
    await world.ok({ method: 'PUT', path: `${owner}/credentials/openai${query}`, token, body: { fields: { api_key: key } } });
    return key;
  };
  for (const [owner, token] of [[ofTenant, world.admin], [ofPlatform, world.platform]] as const) {
    const whose = owner === ofTenant ? 'tenant' : 'platform';
    const credential = `${owner}/credentials/openai`;
    await put(owner, token, `${whose}-first`);
    await put(owner, token, `${whose}-replaced`);
    await world.ok({ method: 'PATCH', path: credential, token, body: { disabled: true } });
    await world.ok({ method: 'DELETE', path: credential, token });
    await world.ok({ method: 'POST', path: `${credential}/recover`, token });
    await world.ok({ method: 'POST', path: `${credential}/revoke`, token, body: { reason: 'it was a test' } });
    await world.ok({ method: 'POST', path: `${credential}/purge`, token });
    await put(owner, token, `${whose}-labelled`, '?label=eu');
    await world.ok({ method: 'GET', path: `${credential}?label=eu`, token });
    await world.ok({ method: 'GET', path: `${owner}/credentials`, token });
  }
  await world.ok({ method: 'PUT', path: `${ofTenant}/credentials/twilio`, token: world.admin, body: { fields: { account_sid: world.canaries.mint('twilio-sid'), auth_token: world.canaries.mint('twilio-token') } } });
  const settings = { endpoint: 'https://canary.openai.azure.com', deploymentMappings: { 'gpt-4': 'our-gpt-4' } };
  await world.ok({ method: 'PUT', path: `${ofTenant}/credentials/azure-openai`, token: world.admin, body: { fields: { api_key: world.canaries.mint('azure') }, settings } });
  await world.ok({ method: 'POST', path: '/tenant/ai/credentials/cohere', token: world.admin, body: { apiKey: world.canaries.mint('documented') } });
  await world.ok({ method: 'DELETE', path: '/tenant/ai/credentials/cohere', token: world.admin });
  for (const service of ['openai', 'anthropic', 'groq', 'deepseek']) {
    await world.ok({ method: 'PUT', path: `${ofTenant}/credentials/${service}`, token: world.admin, body: { fields: { api_key: world.canaries.mint(`tenant-${service}`) } } });
  }
  for (const service of ['mistral', 'xai']) {
    await world.ok({ method: 'PUT', path: `${ofPlatform}/credentials/${service}`, token: world.platform, body: { fields: { api_key: world.canaries.mint(`platform-${service}`) }, offerTo: 'all' } });
  }
  await world.look('with keys in it');
}

/** Keys in requests that are refused. */
export async function handOverWrongly(world: CanaryWorld): Promise<void> {
  const path = `${ofTenant}/credentials/openai`;
  const c = (place: string): string => world.canaries.mint(`wrong-${place}`);
  const put = (body: unknown, rest: Partial<Ask> = {}): Ask => ({ method: 'PUT', path, token: world.admin, body, ...rest });
  const odd = (value: unknown): Ask => put({ fields: { api_key: value } });
  await world.statuses([
    [400, odd(`${c('newline')}\n`)],
    [400, odd(` ${c('space')}`)],
    [400, odd(`${c('two-lines-1')}\r\n${c('two-lines-2')}`)],
    [400, odd(`Bearer ${c('bearer')}`)],
    [400, odd(`${c('umlaut')}ü👋`)],
    [400, odd([c('array')])],
    [400, odd({ value: c('object') })],
    [400, odd(c('huge').repeat(500))],
    [400, odd(`${c('nul')}\0`)],
    [400, put({ fields: { api_key: c('extra-1'), token: c('extra-2') } })],
    [400, put({ fields: c('fields') })],
    [400, put({ api_key: c('unwrapped') })],
    [400, put({ apiKey: c('documented-name') })],
    [400, put({ fields: { api_key: c('settings-1') }, settings: { endpoint: c('settings-2') } })],
    [400, put({ fields: { api_key: c('expiry-1') }, expiresAt: c('expiry-2') })],
    [400, put({ fields: { api_key: c('offer-1') }, offerTo: c('offer-2') })],
    [400, put(`{"fields":{"api_key":"${c('cut').slice(0, 60)}`)],
    [400, put(`{"fields":{"api_key":"plain-${c('twice-1').slice(0, 50)}","api_key":"plain-${c('twice-2').slice(0, 50)}"}}`)],
    [400, put(`{"fields":{"api_key":"${c('surrogate').slice(0, 50)}\\ud800"}}`)],
    [400, put(`{"fields":{"api_key":${c('unquoted').slice(0, 50)}}}`)],
    [400, put(c('no-json'))],
    [400, put(`"${c('text').slice(0, 50)}"`)],
    [400, put(Buffer.concat([Buffer.from(`{"fields":{"api_key":"${c('latin').slice(0, 50)}`), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')]))],
    [413, put({ fields: { api_key: c('body').repeat(20_000) } })],
    [400, put({ fields: { api_key: c('type') } }, { headers: { 'content-type': 'text/plain' } })],
    [400, put({ fields: { api_key: c('encoded') } }, { headers: { 'content-encoding': 'gzip' } })],
    [412, put({ fields: { api_key: c('stale') } }, { headers: { 'if-match': '"0-0"' } })],
    [412, put({ fields: { api_key: c('if-match-1') } }, { headers: { 'if-match': `"${world.canaries.mintPlain('wrong-if-match-2')}"` } })],
    [404, put({ fields: { api_key: c('service') } }, { path: `${ofTenant}/credentials/openia` })],
    [404, put({ fields: { api_key: c('tenant') } }, { path: '/api/v1/tenants/nobody/credentials/openai' })],
    [401, put({ fields: { api_key: c('stranger') } }, { token: world.canaries.mint('strangers-token') })],
    [403, put({ fields: { api_key: c('role') } }, { path: `${ofPlatform}/credentials/openai` })],
    [400, put({ fields: { account_sid: c('half') } }, { path: `${ofTenant}/credentials/twilio` })],
    [400, put({ fields: { api_key: c('no-endpoint') } }, { path: `${ofTenant}/credentials/azure-openai` })],
    [400, { method: 'POST', path: '/tenant/ai/credentials/openai', token: world.admin, body: { apiKey: c('endpoint-1'), endpoint: c('endpoint-2') } }],
    [400, { method: 'POST', path: '/tenant/ai/credentials/openai', token: world.admin, body: { api_key: c('documented-1') } }],
    [400, { method: 'POST', path: '/tenant/ai/credentials/twilio', token: world.admin, body: { apiKey: c('documented-2') } }],
    [404, { method: 'POST', path: '/tenant/ai/credentials/openia', token: world.admin, body: { apiKey: c('documented-3') } }],
    [400, { method: 'POST', path: '/tenant/ai/credentials/openai', token: world.platform, body: { apiKey: c('documented-4') } }],
    [400, { method: 'PATCH', path, token: world.admin, body: { fields: { api_key: c('patch') } } }],
    [400, { method: 'PATCH', path, token: world.admin, body: { weight: c('weight') } }],
    [400, { method: 'POST', path: `${path}/revoke`, token: world.admin, body: { api_key: c('revoke') } }],
    [400, { method: 'POST', path: `${ofTenant}/tokens`, token: world.admin, body: { name: 'x', role: c('role-name') } }],
    [400, { method: 'PUT', path: `${ofTenant}/policy`, token: world.admin, body: { apiKey: c('policy') } }],
  ]);
}

/** A browser's session, which stands in its cookie alone. */
async function signInAndOut(world: CanaryWorld, token: string): Promise<void> {
  const { headers } = await world.ok({ method: 'POST', path: '/api/v1/sign-in', body: { token }, headers: { origin: PUBLIC_URL }, shows: 'set-cookie' });
  const [cookie = ''] = String(headers['set-cookie']).split(';', 1);
  world.canaries.token('session', cookie.slice(cookie.indexOf('=') + 1));
  await world.ok({ method: 'GET', path: '/api/v1/me', headers: { cookie } });
  await world.statuses([
    [401, { method: 'GET', path: '/api/v1/me', token: cookie.slice(cookie.indexOf('=') + 1) }],
    [401, { ...chat('gpt-local'), token: cookie.slice(cookie.indexOf('=') + 1) }],
    [401, { ...chat('gpt-local'), headers: { cookie } }],
    [403, { method: 'POST', path: '/api/v1/sign-out', headers: { cookie, origin: 'https://evil.example' } }],
    [200, { method: 'GET', path: '/api/v1/sign-in' }],
    [401, { method: 'GET', path: `/api/v1/sign-in/callback?state=${world.canaries.mintPlain('state')}&code=${world.canaries.mintPlain('code')}`, headers: { cookie: `__Host-keyhold-sign-in=${world.canaries.mintPlain('sign-in-cookie')}` } }],
    [401, { method: 'POST', path: '/api/v1/sign-in', body: { token: world.canaries.mintPlain('sign-in') }, headers: { origin: PUBLIC_URL } }],
    [204, { method: 'POST', path: '/api/v1/sign-out', body: {}, headers: { cookie, origin: PUBLIC_URL } }],
    [401, { method: 'GET', path: '/api/v1/me', headers: { cookie } }],
  ]);
}
