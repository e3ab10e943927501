import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../../test/support/control-plane.ts';

let plane: TestControlPlane;
let admin: string;

beforeEach(async () => {
  plane = await startControlPlane();
  for (const id of ['acme', 'globex']) await plane.must('POST', '/api/v1/tenants', { body: { id, name: id } });
  admin = await plane.token('tenant-admin', 'acme');
});

afterEach(async () => plane.close());

const OPENAI = '/tenant/ai/credentials/openai';
const apiKey = 'sk-test-key-1234567890';

async function stateIn(tenant: string, service = 'openai'): Promise<unknown> {
  const answer = await plane.call('GET', `/api/v1/tenants/${tenant}/credentials/${service}`);
  return answer.json['state'] ?? answer.status;
}

describe('R4.1 POST /tenant/ai/credentials/{provider}', () => {
  it('R4.1 answers exactly as documented', async () => {
    const answer = await plane.call('POST', OPENAI, { token: admin, body: '{"apiKey": "sk-test-key-1234567890"}' });
    expect([answer.status, answer.json]).toEqual([200, { success: true, message: 'Credentials stored securely in the encrypted database', provider: 'openai' }]);
    expect(await stateIn('acme')).toBe('active');
  });

  it('R4.1 takes endpoint and deploymentMappings where the service has such settings, and nowhere else', async () => {
    const settings = { endpoint: 'https://acme.openai.azure.com', deploymentMappings: { 'gpt-4o': 'acme-gpt-4o' } };
    expect((await plane.call('POST', '/tenant/ai/credentials/azure-openai', { token: admin, body: { apiKey, ...settings } })).status).toBe(200);
    expect((await plane.must('GET', '/api/v1/tenants/acme/credentials/azure-openai'))['settings']).toEqual(settings);
    const refused = await plane.call('POST', OPENAI, { token: admin, body: { apiKey, endpoint: settings.endpoint } });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('endpoint')]);
    expect((await plane.call('POST', OPENAI, { token: admin, body: { apiKey, deploymentMappings: {} } })).status).toBe(400);
    expect(await stateIn('acme')).toBe(404);
  });

  it('R4.1 sends those with several keys to the resource API', async () => {
    const answer = await plane.call('POST', '/tenant/ai/credentials/twilio', { token: admin, body: { apiKey } });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('/credentials/twilio')]);
  });

  it('R4 names an unknown service, S5 says what is wrong with a key', async () => {
    const unknown = await plane.call('POST', '/tenant/ai/credentials/opnai', { token: admin, body: { apiKey } });
    expect([unknown.status, unknown.text]).toEqual([404, expect.stringContaining('opnai')]);
    const broken = await plane.call('POST', OPENAI, { token: admin, body: { apiKey: `${apiKey}\n` } });
    expect([broken.status, broken.text]).toEqual([400, expect.stringContaining('newline')]);
    expect(broken.text).not.toContain(apiKey);
  });
});

describe('R4 whose credential it is', () => {
  it('R4 a platform-admin names the tenant in the body or the query', async () => {
    expect((await plane.call('POST', OPENAI, { body: { apiKey, tenant_id: 'acme' } })).status).toBe(200);
    expect((await plane.call('POST', `${OPENAI}?tenant_id=globex`, { body: { apiKey } })).status).toBe(200);
    expect([await stateIn('acme'), await stateIn('globex')]).toEqual(['active', 'active']);
    expect((await plane.call('DELETE', OPENAI, { body: { tenant_id: 'acme' } })).status).toBe(204);
    expect((await plane.call('DELETE', `${OPENAI}?tenant_id=globex`)).status).toBe(204);
    expect([await stateIn('acme'), await stateIn('globex')]).toEqual(['deleted', 'deleted']);
  });

  it('R4 without a tenant, or with two, it is 400', async () => {
    for (const answer of [
      await plane.call('POST', OPENAI, { body: { apiKey } }),
      await plane.call('DELETE', OPENAI),
      await plane.call('POST', `${OPENAI}?tenant_id=globex`, { body: { apiKey, tenant_id: 'acme' } }),
    ]) {
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('tenant_id')]);
    }
  });

  it('R10.2 a tenant\'s token acts for its own tenant, wherever another is named', async () => {
    expect((await plane.call('POST', OPENAI, { token: admin, body: { apiKey, tenant_id: 'acme' } })).status).toBe(200);
    for (const answer of [
      await plane.call('POST', OPENAI, { token: admin, body: { apiKey, tenant_id: 'globex' } }),
      await plane.call('POST', `${OPENAI}?tenant_id=globex`, { token: admin, body: { apiKey } }),
      await plane.call('DELETE', OPENAI, { token: admin, body: { tenant_id: 'globex' } }),
      await plane.call('POST', OPENAI, { token: admin, body: { apiKey, tenant_id: 'nowhere' } }),
    ]) {
      expect([answer.status, answer.json['error']]).toMatchObject([404, { message: expect.stringMatching(/^There is no tenant (globex|nowhere)\.$/) }]);
    }
    expect(await stateIn('globex')).toBe(404);
  });

  it('R0.2 the role table holds here too', async () => {
    const member = await plane.token('tenant-member', 'acme');
    const operator = await plane.token('platform-operator');
    expect((await plane.call('POST', OPENAI, { token: member, body: { apiKey } })).status).toBe(403);
    expect((await plane.call('POST', OPENAI, { token: operator, body: { apiKey, tenant_id: 'acme' } })).status).toBe(403);
    expect((await plane.call('DELETE', OPENAI, { token: member })).status).toBe(403);
    expect((await plane.call('POST', OPENAI, { token: null, body: { apiKey } })).status).toBe(401);
  });
});

describe('R4.2 DELETE /tenant/ai/credentials/{provider}', () => {
  it('R4.2 is 204 without a body, and 404 when there is nothing', async () => {
    expect((await plane.call('DELETE', OPENAI, { token: admin })).status).toBe(404);
    await plane.must('POST', OPENAI, { token: admin, body: { apiKey } });
    const deleted = await plane.call('DELETE', OPENAI, { token: admin });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect((await plane.call('DELETE', OPENAI, { token: admin })).status).toBe(404);
    expect(await stateIn('acme')).toBe('deleted');
  });
});

describe('R4.17 GET /api/v1/health', () => {
  it('R4.17 answers without a token', async () => {
    const answer = await plane.call('GET', '/api/v1/health', { token: null });
    expect([answer.status, answer.json]).toEqual([200, { status: 'ok', secrets: { vault_enabled: false, vault_connected: false } }]);
  });
});

describe('R4.17 GET /api/v1/health where HashiCorp Vault is switched on', () => {
  it.each([true, false])('R4.17 tells that it is, and whether it is connected: %s', async (connected) => {
    const vaulted = await startControlPlane({ vault: { connected: () => connected } });
    const answer = await vaulted.call('GET', '/api/v1/health', { token: null });
    expect([answer.status, answer.json]).toEqual([200, { status: 'ok', secrets: { vault_enabled: true, vault_connected: connected } }]);
    await vaulted.close();
  });
});

describe('R4.16 GET /api/brain/vault/health, R0.2 GET /api/v1/stores', () => {
  it('R4.16 shows the stores as documented', async () => {
    const answer = await plane.call('GET', '/api/brain/vault/health');
    expect([answer.status, answer.json]).toEqual([200, { status: 'healthy', stores: [{ id: 'sealed', kind: 'sealed', connected: true, latency_ms: 0 }] }]);
    expect((await plane.must('GET', '/api/v1/stores'))['items']).toEqual([{ id: 'sealed', kind: 'sealed', takesNew: true, waiting: 0, connected: true, latencyMs: 0 }]);
  });

  it('R4.16 says unavailable, with 200, when the store that takes new keys is away', async () => {
    plane.secrets.isAway = true;
    const answer = await plane.call('GET', '/api/brain/vault/health');
    expect([answer.status, answer.json]).toMatchObject([200, { status: 'unavailable', stores: [{ connected: false }] }]);
  });
});
