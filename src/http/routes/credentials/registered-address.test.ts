import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts';

const AZURE = '/api/v1/tenants/acme/credentials/azure-openai';
const OWN = '/api/v1/tenants/acme/credentials/openai-compatible';
const fields = { api_key: 'test-key-0123456789abcdef0123456789abcdef' };
const settings = { endpoint: 'https://acme.openai.azure.com' };
const elsewhere = { endpoint: 'https://elsewhere.openai.azure.com' };

let plane: TestControlPlane;
let admin: string;

beforeEach(async () => {
  plane = await startControlPlane();
  for (const id of ['acme', 'globex']) await plane.must('POST', '/api/v1/tenants', { body: { id, name: id } });
  admin = await plane.token('tenant-admin', 'acme');
});
afterEach(() => plane.close());

async function put(path: string, body: unknown, token?: string): Promise<number> {
  return (await plane.call('PUT', path, { body, ...(token === undefined ? {} : { token }) })).status;
}

describe('S25 who says where a tenant\'s key is sent', () => {
  it('is that tenant\'s administrator, and neither the platform nor another tenant nor who only reads', async () => {
    expect(await put(AZURE, { fields, settings })).toBe(403);
    expect(await put(AZURE, { fields, settings }, admin)).toBe(201);
    expect(await put(AZURE, { fields, settings: elsewhere })).toBe(403);
    expect(await put(AZURE, { fields, settings: { ...settings, deploymentMappings: { a: 'b' } } })).toBe(403);
    expect(await put(AZURE, { fields, settings: elsewhere }, await plane.token('tenant-admin', 'globex'))).toBe(404);
    expect(await put(AZURE, { fields, settings: elsewhere }, await plane.token('tenant-member', 'acme'))).toBe(403);
    expect(await plane.must('GET', AZURE)).toMatchObject({ settings, version: 1 });
    // What is there already is no change; and a key without an address goes where the catalogue says.
    expect(await put(AZURE, { fields, settings })).toBe(200);
    expect(await put('/api/v1/tenants/acme/credentials/openai', { fields })).toBe(201);
  });

  it('S25 the documented endpoint is no way around it', async () => {
    const body = { apiKey: fields.api_key, endpoint: elsewhere.endpoint };
    expect((await plane.call('POST', '/tenant/ai/credentials/azure-openai?tenant_id=acme', { body })).status).toBe(403);
    expect((await plane.call('POST', '/tenant/ai/credentials/azure-openai', { token: admin, body })).status).toBe(200);
  });

  it('the platform\'s own key goes where the platform says', async () => {
    expect(await put('/api/v1/platform/credentials/azure-openai', { fields, settings })).toBe(201);
  });

  it('a deleted or revoked key leaves no place that the platform could send a new one to', async () => {
    await put(AZURE, { fields, settings }, admin);
    await plane.must('DELETE', AZURE, { token: admin });
    expect(await put(AZURE, { fields, settings })).toBe(403);
  });
});

describe('S3 an address and its key are one version', () => {
  it('so an address takes the key with it, and a key its address', async () => {
    await put(AZURE, { fields, settings }, admin);
    for (const body of [{ settings: elsewhere }, { fields: {}, settings: elsewhere }, { fields }]) expect(await put(AZURE, body, admin)).toBe(400);
    expect((await plane.call('PATCH', AZURE, { token: admin, body: { settings: elsewhere } })).status).toBe(400);
    expect((await plane.call('PATCH', AZURE, { token: admin, body: { endpoint: elsewhere.endpoint } })).status).toBe(400);
    expect(await plane.must('GET', AZURE)).toMatchObject({ settings, version: 1 });
    expect(await put(AZURE, { fields, settings: elsewhere }, admin)).toBe(200);
    expect(await plane.must('GET', AZURE)).toMatchObject({ settings: elsewhere, version: 2 });
  });

  it('is told when it changes, and is in the tenant\'s audit log', async () => {
    await put(AZURE, { fields, settings }, admin);
    await put(AZURE, { fields, settings }, admin);
    await put(AZURE, { fields, settings: elsewhere }, admin);
    expect(plane.log.of('credential_address_registered').map((line) => line.fields.address)).toEqual(['acme.openai.azure.com', 'elsewhere.openai.azure.com']);
    const { items } = await plane.must('GET', '/api/v1/tenants/acme/audit?action=credential.put', { token: admin });
    expect(items).toHaveLength(6);
  });
});

describe('S4, S33 a deployment of one\'s own', () => {
  it.each(['https://llm.acme.example', 'https://llm.acme.example/team/v1/', 'https://LLM.acme.example:8443', 'https://xn--bcher-kva.example'])('may be at %s', async (endpoint) => {
    expect(await put(OWN, { fields, settings: { endpoint } }, admin)).toBe(201);
  });

  it.each([
    'http://llm.acme.example', 'https://llm.acme.example:22', 'https://llm.acme.example:80', 'https://llm.acme.example:0', 'https://llm.acme.example:65536', 'https://llm.acme.example.', 'https://llm.acme.example?x', 'https://llm.acme.example#x',
    'https://user@llm.acme.example', 'https://llm.acme.example@10.0.0.1', 'https://llm', 'https://localhost', 'https://127.0.0.1', 'https://127.1', 'https://2130706433', 'https://0x7f000001', 'https://[::1]', 'https://bücher.example',
    'https://llm.acme.example\\@10.0.0.1', 'https://llm.acme.example/%2e%2e', 'https://llm.acme.example//x', 'https://llm.acme.example/a;b', 'https:llm.acme.example', 'https:///llm.acme.example', 'https://llm.acme.example:443:443', ' https://llm.acme.example', 'https://llm.acme.example\n',
  ])('and nowhere like %j', async (endpoint) => {
    const { status, text } = await plane.call('PUT', OWN, { token: admin, body: { fields, settings: { endpoint } } });
    expect([status, text]).toEqual([400, expect.stringContaining('endpoint')]);
  });
});
