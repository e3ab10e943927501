import { describe, expect, it } from 'vitest';
import type { ApiFormat, GatewaySpec } from '../src/core/catalog/service.ts';
import { allServices } from './all-services.ts';

/** S7: what never travels, in either direction, whatever a pattern says. */
const neverUpstream = [
  'authorization', 'x-api-key', 'api-key', 'cookie', 'host', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'connection', 'te',
  'transfer-encoding', 'content-length', 'content-encoding', 'accept-encoding', 'upgrade', 'expect', 'trailer', 'proxy-authorization',
  'x-http-method-override', 'x-http-method', 'x-method-override', 'x-keyhold-api-key', 'x-keyhold-provider', 'x-request-id',
];
const neverDownstream = [
  'set-cookie', 'location', 'alt-svc', 'clear-site-data', 'refresh', 'strict-transport-security', 'trailer', 'x-request-id', 'x-keyhold-credential',
  'content-encoding', 'content-length', 'transfer-encoding', 'connection', 'www-authenticate',
];

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}

const gateways: [string, GatewaySpec][] = allServices.flatMap((service) => (service.gateway === null ? [] : [[service.id, service.gateway] as [string, GatewaySpec]]));

describe('R3.2 the catalogue', () => {
  it('names each service once, in the allowed characters', () => {
    const ids = allServices.map((service) => service.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{1,40}$/);
  });

  it.each(allServices.map((service) => [service.id, service] as const))('%s has fields with names, formats that compile and environment names of their own', (_id, service) => {
    expect(service.fields.some((field) => field.required)).toBe(true);
    for (const field of service.fields) {
      expect(field.name).toMatch(/^[a-z][a-z0-9_]*$/);
      if (field.format !== undefined) expect(() => new RegExp(field.format ?? '', 'u')).not.toThrow();
      if (field.environment !== undefined) expect(field.environment).toMatch(/^[A-Z][A-Z0-9_]*$/);
    }
    for (const setting of service.settings) {
      for (const suffix of setting.hostSuffixes ?? []) expect(suffix).toMatch(/^(\.[a-z0-9-]+){3,}$/);
    }
  });

  it('uses no environment name twice', () => {
    const names = allServices.flatMap((service) => service.fields.flatMap((field) => field.environment ?? []));
    expect(new Set(names).size).toBe(names.length);
  });

  it('serves the providers that R3.2 and R5.1 name', () => {
    expect(gateways.map(([id]) => id).sort()).toEqual(
      ['anthropic', 'azure-openai', 'cohere', 'deepseek', 'fireworks', 'google-gemini', 'groq', 'huggingface', 'mistral', 'openai', 'openai-compatible', 'openrouter', 'perplexity', 'together', 'xai'].sort(),
    );
  });
});

describe.each(gateways)('R5.1 the gateway data of %s', (_id, gateway) => {
  const service = allServices.find((candidate) => candidate.gateway === gateway);

  it('has https endpoints without a trailing slash, query or user, whose key field exists', () => {
    for (const endpoint of Object.values(gateway.endpoints)) {
      const { baseUrl, modelNames } = endpoint;
      if (typeof baseUrl === 'string') {
        expect(new URL(baseUrl).protocol).toBe('https:');
        expect(baseUrl).not.toMatch(/[/?#@]$|\?|#|@/);
      } else {
        expect(baseUrl.path).toMatch(/^(\/[a-z0-9]+)*$/);
        expect(service?.settings).toContainEqual(expect.objectContaining({ name: baseUrl.setting, kind: 'https-url', required: true }));
      }
      if (modelNames !== undefined) expect(service?.settings).toContainEqual(expect.objectContaining({ name: modelNames, kind: 'text-map' }));
      expect(service?.fields.map((field) => field.name)).toContain(endpoint.keyField);
      expect(endpoint.keyPrefix).toBe(endpoint.keyHeader === 'authorization' ? 'Bearer ' : '');
      if (endpoint.afterOverride !== undefined) expect(endpoint.afterOverride).toMatch(/^\/[a-z0-9/]+$/);
    }
  });

  it('has each route once, in a format it has an endpoint for, with a relative path', () => {
    const keys = gateway.routes.map((route) => `${route.format} ${route.method} ${route.path}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(gateway.routes.map((route) => `${route.format} ${route.id}`)).size).toBe(keys.length);
    for (const route of gateway.routes) {
      expect(Object.keys(gateway.endpoints)).toContain(route.format);
      expect(route.path).toMatch(/^[a-z0-9_]+(\/[a-z0-9_]+)*(\/\{model\})?(\/[a-z0-9_]+)*$/);
      expect(route.path.includes('{model}')).toBe(route.model === 'path');
      if (route.includeUsage === true) expect(route.streamEnd).toBeDefined();
      if (route.streamEnd !== undefined) expect(route.streamEnd.finished.length).toBeGreaterThan(0);
    }
  });

  it('R5.3 does not ask for usage on /responses, where the last event has it', () => {
    expect(gateway.routes.find((route) => route.id === 'responses')?.includeUsage).toBeUndefined();
  });

  it('S7 lets no header through that never travels', () => {
    const lists = [gateway.requestHeaders, gateway.accountHeaders, gateway.responseHeaders, gateway.accountResponseHeaders];
    for (const list of lists) for (const pattern of list) expect(pattern).toMatch(/^[a-z0-9-]+\*?$/);
    for (const name of neverUpstream) expect(matches([...gateway.requestHeaders, ...gateway.accountHeaders], name), name).toBe(false);
    for (const name of neverDownstream) expect(matches([...gateway.responseHeaders, ...gateway.accountResponseHeaders], name), name).toBe(false);
  });

  it('S1 keeps what one account remembers from shared credentials', () => {
    expect(matches(gateway.requestHeaders, 'idempotency-key')).toBe(false);
    for (const name of gateway.accountHeaders) expect(matches(gateway.requestHeaders, name)).toBe(false);
    for (const name of gateway.accountResponseHeaders) expect(matches(gateway.responseHeaders, name.replace('*', 'x'))).toBe(false);
    for (const endpoint of Object.values(gateway.endpoints)) expect(endpoint.body.referenceKeys).toContain('file_id');
  });

  it('S8 treats the same keys as free-form as every other service of the format', () => {
    for (const format of Object.keys(gateway.endpoints) as ApiFormat[]) {
      const rules = gateways.flatMap(([, other]) => other.endpoints[format]?.body.freeFormKeys ?? []);
      expect(new Set(rules)).toEqual(new Set(gateway.endpoints[format]?.body.freeFormKeys));
      expect(gateway.endpoints[format]?.body.modelKeys).toContain('model');
    }
  });
});
