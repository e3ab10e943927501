import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { temporaryFolder } from '../support/product.ts';
import { type ProductWithProvider, startProductWithProvider, usageEvent } from '../support/product-with-provider.ts';
import { refreshed, tokensFor } from '../support/servers/oidc/issued-tokens.ts';
import { OIDC_AUDIENCE, type OidcServer, startOidcServer } from '../support/servers/oidc/oidc-server.ts';

let folder: string;
let server: OidcServer;
let world: ProductWithProvider;
let acme: TestTenant;

beforeAll(async () => {
  server = await startOidcServer();
  folder = await temporaryFolder();
  const issuers = join(folder, 'issuers.json');
  await writeFile(issuers, JSON.stringify({ issuers: [{ issuer: server.issuer, audience: OIDC_AUDIENCE, tenants: ['acme'], highestRole: 'tenant-member' }] }));
  world = await startProductWithProvider({ env: { KEYHOLD_OIDC_ISSUERS_FILE: issuers, KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1' } });
  acme = await makeTenant(world.product, 'acme');
  await handOver(acme, 'openai', 'sk-test-key-of-acme-for-users-0001');
});

afterAll(async () => {
  await world.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const completion = (token: string, model: string) => openAi(world.product, token).chat.completions.create(hello(model));

describe('a process with a real identity provider (S22, S23)', () => {
  it('takes its access tokens on the control plane and the gateway, from whom it was told of, until that ends', async () => {
    const { product } = world;
    const tokens = await tokensFor(server, 'ada');
    const ada = apiOf(product.url, tokens.accessToken);
    expect((await ada.call('GET', '/api/v1/me')).status).toBe(401);

    const { id } = (await acme.admin.must('POST', '/api/v1/tenants/acme/users', { issuer: server.issuer, subject: 'ada', name: 'Ada', role: 'tenant-member' })).body;
    expect((await ada.must('GET', '/api/v1/me')).body).toMatchObject({ kind: 'user', id, role: 'tenant-member', tenant: 'acme' });
    expect((await ada.call('PUT', '/api/v1/tenants/acme/policy', {})).status).toBe(403);
    expect((await ada.call('GET', '/api/v1/tenants/globex/policy')).status).toBe(404);
    await completion(tokens.accessToken, 'with-a-users-token');
    expect(await usageEvent(acme, 'with-a-users-token')).toMatchObject({ outcome: 'completed', tokenId: id });

    const again = await refreshed(server, tokens);
    await completion(again.accessToken, 'with-a-refreshed-token');
    for (const text of [tokens.idToken, tokens.refreshToken, `${again.accessToken}x`, (await tokensFor(server, 'eve')).accessToken]) {
      expect((await apiOf(product.url, text).call('GET', '/api/v1/me')).status).toBe(401);
      await expect(completion(text, 'refused')).rejects.toMatchObject({ status: 401 });
    }

    await acme.admin.must('PATCH', `/api/v1/tenants/acme/users/${String(id)}`, { disabled: true });
    expect((await ada.call('GET', '/api/v1/tenants/acme/policy')).status).toBe(404);
    await expect(completion(tokens.accessToken, 'disabled')).rejects.toMatchObject({ status: 403 });
    for (const secret of [tokens.accessToken, tokens.idToken, tokens.refreshToken]) expect(product.output()).not.toContain(secret);
  });
});
