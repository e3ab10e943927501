import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpAnswer, type HttpCall, startControlPlane, type TestControlPlane } from '../../test/support/control-plane.ts';
import { type AnySchema, propertiesOf, requiredOf, sampleBody } from '../../test/support/sample-body.ts';
import type { Action } from '../core/access/actions.ts';
import type { GuardedRoute } from './route.ts';
import { routeTable } from './route-table.ts';

const guarded = routeTable.filter((route): route is GuardedRoute => route.kind === 'guarded');
const named = (routes: readonly GuardedRoute[]) => routes.map((route) => [`${route.method} ${route.url}`, route] as const);
const withBody = guarded.filter(({ method }) => method !== 'GET');

const CANARY = 'sk-test-canary-5f0c1e';

let plane: TestControlPlane;
let admin: string;
let gatewayKeyId: string;

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
  admin = await plane.token('tenant-admin', 'acme');
  await plane.must('PUT', '/api/v1/tenants/acme/credentials/openai', { token: admin, body: { fields: { api_key: 'sk-test-first-key-000001' } } });
  await plane.must('PUT', '/api/v1/platform/credentials/openai', { body: { fields: { api_key: 'sk-test-first-key-000002' } } });
  gatewayKeyId = String((await plane.must('POST', '/api/v1/tenants/acme/gateway-keys', { token: admin, body: { name: 'application' } }))['id']);
});

afterAll(async () => plane.close());

/** What only the platform's administrator may do to a tenant's things. */
const platformOnly = new Set<Action>(['tenant.read', 'tenant.update', 'tenant.delete', 'tenant.shred', 'platform-limits.read', 'platform-limits.put', 'platform-budget.read', 'platform-budget.put', 'gateway-key.disable', 'prices.put', 'credential.adopt', 'credential.migrate', 'credential.preview']);

/** Somebody who may do it: the platform's administrator where a tenant's may not. */
function caller({ url, action }: GuardedRoute): string | undefined {
  const ofTenant = (url.includes(':tenant') && !platformOnly.has(action)) || url.startsWith('/tenant/ai/');
  return ofTenant ? admin : undefined;
}

function pathOf({ url }: GuardedRoute): string {
  return url.replace(':tenant', 'acme').replace(/:service|:provider/, 'openai').replace(':store', 'sealed').replace(':id', gatewayKeyId);
}

async function send(route: GuardedRoute, call: HttpCall, path = pathOf(route)): Promise<HttpAnswer> {
  const token = caller(route);
  return plane.call(route.method, path, { ...(token === undefined ? {} : { token }), ...call });
}

/** Everything that a request could have changed. */
async function everything(): Promise<string> {
  return `${await records()} ${await plane.metadata.audit.size()}`;
}

async function records(): Promise<string> {
  const { tenants, policies, limits, tenantBudgets, priceBooks, credentials, tokens, gatewayKeys } = plane.metadata;
  const page = { limit: 1000 };
  const platform = { kind: 'platform' } as const;
  const acme = { kind: 'tenant', tenant: 'acme' } as const;
  return JSON.stringify([
    await tenants.list(page),
    await policies.get({ tenant: 'acme' }),
    await limits.get({ tenant: 'acme', layer: 'own' }),
    await limits.get({ tenant: 'acme', layer: 'platform' }),
    await priceBooks.get({ scope: platform }),
    await priceBooks.get({ scope: acme }),
    await tenantBudgets.get({ tenant: 'acme' }),
    await credentials.list(platform, page),
    await credentials.list(acme, page),
    await tokens.list(platform, page),
    await tokens.list(acme, page),
    await gatewayKeys.list('acme', page),
  ]);
}

function expectRefusal(answer: HttpAnswer, status = 400, code = 'invalid_argument'): string {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  const { message, requestId } = answer.json['error'] as { message: string; requestId: string };
  expect(message.length).toBeGreaterThan(20);
  expect(answer.headers['x-request-id']).toBe(requestId);
  expect(answer.headers['x-keyhold-error-origin']).toBe('keyhold');
  expect(answer.text).not.toContain(CANARY);
  return message;
}

const bodies: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['a list', `["${CANARY}"]`, /must be a JSON object/],
  ['a text', `"${CANARY}"`, /must be a JSON object/],
  ['a number', '7', /must be a JSON object/],
  ['null', 'null', /must be a JSON object/],
  ['half of it', `{"apiKey": "${CANARY}`, /is not closed/],
  ['no JSON', CANARY, /a value is expected/],
  ['two values', `{} "${CANARY}"`, /after the end/],
  ['a key twice', `{"name":"${CANARY}","name":"b"}`, /"name" appears twice/],
  ['a key twice, deep down', `{"fields":{"api_key":"${CANARY}","api_key":"b"}}`, /"api_key" appears twice at "fields"/],
  ['a NUL', `{"name":"${CANARY}\\u0000"}`, /NUL/],
  ['a NUL in a key', '{"na\\u0000me":1}', /NUL/],
  ['a lone surrogate', `{"fields":{"api_key":"${CANARY}\\ud83d"}}`, /surrogate/],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), /not UTF-8/],
  ['a surrogate in UTF-8', Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), /not UTF-8/],
  ['deep nesting', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, /nests deeper/],
  ['__proto__', `{"__proto__":{"role":"${CANARY}"}}`, /"__proto__"|, which is needed/],
  ['constructor', '{"constructor":{"prototype":1}}', /"constructor"|, which is needed/],
];

describe('bad input on every route', () => {
  it.each(named(withBody))('R0.3 %s refuses bodies that are not one plain JSON object, and changes nothing', async (_name, route) => {
    const before = await everything();
    for (const [what, body, reason] of bodies) {
      const message = expectRefusal(await send(route, { body }));
      expect([what, message]).toEqual([what, expect.stringMatching(reason)]);
    }
    expect(await everything()).toBe(before);
  });

  it.each(named(withBody))('R0.3 %s refuses another content type, another encoding and too much', async (_name, route) => {
    const before = await everything();
    const body = '{}';
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json-patch+json', 'nonsense', '']) {
      expect(expectRefusal(await send(route, { body, headers: { 'content-type': type } }))).toContain('Content-Type: application/json');
    }
    expect(expectRefusal(await send(route, { body, headers: { 'content-type': 'application/json; charset=latin1' } }))).toContain('UTF-8');
    expect(expectRefusal(await send(route, { body, headers: { 'content-encoding': 'gzip' } }))).toContain('Compressed');
    expectRefusal(await send(route, { body: `{"name":"${CANARY.repeat(60_000)}"}` }), 413, 'payload_too_large');
    expectRefusal(await send(route, { body: `{"name":"${'x'.repeat(1_100_000)}"}`, headers: { 'content-length': '1100011' } }), 413, 'payload_too_large');
    expect(await everything()).toBe(before);
  });

  it.each(named(withBody))('R0.3 %s names a property it does not know, and one of the wrong type', async (_name, route) => {
    const before = await everything();
    const properties = propertiesOf(route);
    const whole = sampleBody(route);
    expect(expectRefusal(await send(route, { body: { ...whole, nobodyKnowsThis: CANARY } }))).toContain('"nobodyKnowsThis"');
    for (const [name, schema] of Object.entries(properties)) {
      for (const value of wrongFor(schema)) {
        const answer = await send(route, { body: { ...whole, [name]: value } });
        expect([name, value, expectRefusal(answer)]).toEqual([name, value, expect.stringContaining(name)]);
      }
    }
    for (const name of requiredOf(route)) {
      const { [name]: _left, ...rest } = whole;
      expect(expectRefusal(await send(route, { body: rest }))).toContain(`"${name}"`);
    }
    expect(await everything()).toBe(before);
  });

  it.each(named(guarded))('R0.3 %s refuses queries it does not know, doubled ones and values that cannot be', async (_name, route) => {
    const before = await everything();
    const path = pathOf(route);
    const body = route.method === 'GET' ? {} : { body: sampleBody(route) };
    expect(expectRefusal(await send(route, body, `${path}?nobodyKnowsThis=1`))).toContain('nobodyKnowsThis');
    for (const name of Object.keys(propertiesOf({ schema: { body: route.schema.query } }))) {
      for (const query of [`${name}=1&${name}=2`, `${name}=`, `${name}=%00`, `${name}=a%00b`, `${name}=%ff`, `${name}=${'9'.repeat(3000)}`, `${name}=a/../b`, `${name}=%F0%9F%94%91`]) {
        const answer = await send(route, body, `${path}?${query}`);
        expect([query, [400, 404].includes(answer.status), answer.text]).toEqual([query, true, expect.stringMatching(/"code":"(invalid_argument|not_found)"/)]);
      }
    }
    expect(await everything()).toBe(before);
  });

  it.each(named(guarded.filter(({ url }) => url.includes(':'))))('R0.3 %s answers names that cannot be like those that are not there', async (_name, route) => {
    const before = await records();
    for (const parameter of route.url.match(/:\w+/g) ?? []) {
      for (const value of ['%00', 'a%00', '%F0%9F%94%91', 'A', '..%2F', '%2e%2e', 'a%2Fb', '-a', "a'--", 'x'.repeat(64), 'x'.repeat(300)]) {
        const path = route.url.replace(parameter, value).replace(':tenant', 'acme').replace(/:service|:provider/, 'openai').replace(':store', 'sealed').replace(':id', gatewayKeyId);
        const answer = await send(route, route.method === 'GET' ? {} : { body: '{}' }, path);
        // A hyphen or a capital may begin an id or a service's name: then the body or the record is what is missing.
        expect([value, [400, 404].includes(answer.status), answer.text]).toEqual([value, true, expect.stringContaining('"error"')]);
      }
      expect((await send(route, {}, route.url.replace(parameter, '%ED%A0%80').replace(/:\w+/g, 'acme'))).status).toBe(400);
    }
    expect(await records()).toBe(before);
  });

  it.each(named(guarded.filter(({ url }) => /:service|:provider/.test(url))))('R4 %s names a service that is unknown', async (_name, route) => {
    const records = await plane.metadata.credentials.list({ kind: 'tenant', tenant: 'acme' }, { limit: 1000 });
    const body = { ...(route.method === 'PUT' ? { fields: { api_key: 'sk-test-key-1234567890' } } : {}), ...(route.url.startsWith('/tenant') && route.method === 'POST' ? { apiKey: 'sk-test-key-1234567890' } : {}) };
    if (route.action === 'credential.adopt' || route.url.endsWith('/adopt/preview')) Object.assign(body, { inStore: 'sealed' });
    const answer = await send(route, route.method === 'GET' ? {} : { body }, pathOf(route).replace('openai', 'open-ai-typo'));
    expect(expectRefusal(answer, 404, 'not_found')).toContain('"open-ai-typo"');
    expect(await plane.metadata.credentials.list({ kind: 'tenant', tenant: 'acme' }, { limit: 1000 })).toEqual(records);
  });
});

describe('refusals of a schema', () => {
  it.each([
    ['POST', '/api/v1/tenants/acme/tokens', { name: 7, role: 'tenant-member' }, '"name" must be a string. It is: a name'],
    ['POST', '/api/v1/tenants/acme/tokens', { name: 'a', role: 'tenant-member', expiresAt: 7 }, '"expiresAt" must be a string or null. It is: a time'],
    ['POST', '/api/v1/tenants/acme/gateway-keys', { name: 'a', services: 'openai' }, '"services" must be an array or null.'],
    ['POST', '/api/v1/tenants/acme/gateway-keys', { name: 'a', models: Array.from({ length: 101 }, () => 'a') }, '"models" has more than 100 items.'],
    ['PATCH', '/api/v1/tenants/acme/credentials/openai', { weight: 1.5 }, '"weight" must be a whole number.'],
    ['PATCH', '/api/v1/tenants/acme/credentials/openai', { disabled: 'yes' }, '"disabled" must be true or false.'],
    ['POST', '/api/v1/tenants/acme/credentials/openai/revoke', { reason: 'x'.repeat(501) }, '"reason" has more than 500 characters.'],
  ] as const)('say in words what a value must be: %s %s %j', async (method, path, body, words) => {
    expect(expectRefusal(await plane.call(method, path, { token: admin, body }))).toContain(words);
  });
});

const examples: Readonly<Record<string, unknown>> = { string: CANARY, number: 7.5, boolean: true, null: null, array: [CANARY], object: { a: CANARY } };

function wrongFor({ type, anyOf, enum: values }: AnySchema): unknown[] {
  if (type === undefined && anyOf === undefined && values === undefined) return [];
  const types = typeof type === 'string' ? [type] : (type ?? (anyOf === undefined ? [] : ['string', 'array']));
  return Object.entries(examples)
    .filter(([name]) => !types.includes(name))
    .map(([, value]) => value);
}
