import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant } from '../support/api.ts';
import { baseUrlsOf, requestsFor, usageEvents } from '../support/product-with-provider.ts';
import { type Product, startProduct } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';

const OWN = 'sk-test-own-key-in-the-env';
const FIRST = 'sk-test-first-key-00000001';

let provider: ProviderServer;
beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(async () => provider.close());

async function withKeys(env: Readonly<Record<string, string>>, work: (product: Product) => Promise<void>): Promise<void> {
  const product = await startProduct({ env: { ...baseUrlsOf(provider), OPENAI_API_KEY: OWN, ...env } });
  try {
    await work(product);
  } finally {
    await product.stop();
  }
}

let asked = 0;

async function ask({ url }: Product, gatewayKey: string, model = `own-${(asked += 1)}`): Promise<object> {
  const { status, headers } = await apiOf(url, gatewayKey).call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] });
  return { status, source: headers.get('x-keyhold-key-source'), credential: headers.get('x-keyhold-credential'), key: requestsFor(provider.requests, model)[0]?.key ?? null };
}

const served = { status: 200, source: 'environment', credential: null, key: OWN };
const refused = { status: 424, source: null, credential: null, key: null };

describe('R2.3, R3.3 the service\'s own keys without a Vault', () => {
  it('serve in development, are named in the answer and in usage, and a tenant\'s own comes first', async () => {
    await withKeys({ NODE_ENV: 'development' }, async (product) => {
      expect(product.output()).toContain('Using environment variables for secrets');
      const tenant = await makeTenant(product, 'acme');
      expect(await ask(product, tenant.gatewayKey)).toEqual(served);
      expect((await usageEvents(tenant))[0]).toMatchObject({ keySource: 'environment', credentialId: null, service: 'openai' });
      await handOver(tenant, 'openai', FIRST);
      expect(await ask(product, tenant.gatewayKey)).toMatchObject({ source: 'tenant', key: FIRST });
      const other = await makeTenant(product, 'globex');
      await other.admin.must('PUT', '/api/v1/tenants/globex/policy', { platformFallback: false });
      expect(await ask(product, other.gatewayKey)).toEqual(refused);
      expect(product.output()).not.toContain(OWN);
    });
  });

  it('do not serve in production unless the operator offers them', async () => {
    await withKeys({ NODE_ENV: 'production' }, async (product) => {
      const tenant = await makeTenant(product, 'acme');
      expect(await ask(product, tenant.gatewayKey)).toEqual(refused);
    });
    await withKeys({ NODE_ENV: 'production', KEYHOLD_OFFER_ENVIRONMENT_KEYS: 'true' }, async (product) => {
      const tenant = await makeTenant(product, 'acme');
      expect(await ask(product, tenant.gatewayKey)).toEqual(served);
    });
  });

  it('S1 are shared: nothing of the account, and no body that refers to its objects', async () => {
    await withKeys({}, async (product) => {
      const { gatewayKey } = await makeTenant(product, 'acme');
      const api = apiOf(product.url, gatewayKey);
      expect((await api.call('GET', '/v1/models')).status).toBe(403);
      expect((await api.call('POST', '/v1/responses', { model: 'own-r', input: 'Hello', previous_response_id: 'resp_1' })).status).toBe(403);
      expect(requestsFor(provider.requests, 'own-r')).toEqual([]);
    });
  });
});
