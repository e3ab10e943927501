import { describe, expect, it } from 'vitest';
import { createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { failure } from '../../../test/support/outcome.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope } from '../../ports/scope.ts';
import type { Service } from '../catalog/service.ts';
import type { Resolved } from './resolved.ts';

const OWN = 'sk-test-own-key-000001';
const PLATFORM = 'sk-test-platform-key-01';
const TENANT = 'sk-test-tenant-key-0001';

function offering(keys: Record<string, string> = { OPENAI_API_KEY: OWN }) {
  const world = createCredentialWorld({ offerEnvironmentKeys: true });
  world.environment.keys = keys;
  const resolve = async (service: Service = testServices.openai): Promise<Resolved> => world.resolver.resolve(await world.use(), { service });
  return { ...world, resolve };
}

const noCredential = expect.objectContaining({ code: 'no_credential', details: expect.objectContaining({ reason: 'absent' }) });

describe('R3.3 the service\'s own key is the last step', () => {
  it('serves where neither tenant nor platform has one, under its own name and without settings (S3)', async () => {
    const { resolve } = offering();
    const resolved = await resolve();
    expect({ ...resolved, fields: resolved.fields['api_key']?.reveal(), isCurrent: resolved.isCurrent() }).toEqual({
      source: 'environment',
      service: testServices.openai,
      credentialId: null,
      credentialVersion: null,
      label: null,
      fields: OWN,
      settings: {},
      isCurrent: true,
    });
  });

  it('comes after the tenant\'s, and after the platform\'s where that is offered', async () => {
    const { resolve, put, as, credentials } = offering();
    await put(PLATFORM, { scope: platformScope });
    expect((await resolve()).source).toBe('platform');
    await put(TENANT);
    expect((await resolve()).source).toBe('tenant');
    await as('credential.delete', (grant) => credentials.remove(grant));
    await as('credential.update', (grant) => credentials.update(grant, { offerTo: 'none' }), { scope: platformScope });
    expect((await resolve()).source).toBe('environment');
  });

  it('never stands in for a credential that cannot serve', async () => {
    const { resolve, put, as, credentials } = offering();
    await put(PLATFORM, { scope: platformScope });
    await as('credential.update', (grant) => credentials.update(grant, { disabled: true }), { scope: platformScope });
    expect(await failure(resolve())).toMatchObject({ code: 'no_credential', details: { reason: 'disabled', source: 'platform' } });
    await put(TENANT);
    await as('credential.revoke', (grant) => credentials.revoke(grant));
    expect(await failure(resolve())).toMatchObject({ code: 'no_credential', details: { reason: 'revoked', source: 'tenant' } });
  });

  it('is under the two conditions of the platform\'s keys: offered, and the tenant\'s policy allows it', async () => {
    const { resolve, policy } = offering();
    policy.platformFallback = false;
    expect(await failure(resolve())).toEqual(noCredential);
    const unoffered = createCredentialWorld();
    unoffered.environment.keys = { OPENAI_API_KEY: OWN };
    expect(await failure(unoffered.use().then((grant) => unoffered.resolver.resolve(grant, { service: testServices.openai })))).toEqual(noCredential);
  });

  it('is for AI services that need nothing but it', async () => {
    const { resolve } = offering({ AZURE_OPENAI_API_KEY: OWN, TWILIO_ACCOUNT_SID: 'test-sid-000', TWILIO_AUTH_TOKEN: 'test-token-0' });
    for (const service of Object.values(testServices)) expect(await failure(resolve(service))).toEqual(noCredential);
  });

  it('is 503 while it cannot be told, never «no such key», and 500 when it could not be sent (S5)', async () => {
    const { resolve, environment } = offering({ OPENAI_API_KEY: 'sk-test\r\nx-other: 1' });
    expect(await failure(resolve())).toMatchObject({ code: 'corrupt', publicMessage: expect.stringContaining('OPENAI_API_KEY') as unknown });
    environment.fail = new KeyholdError('unavailable', 'Vault is away.');
    expect(await failure(resolve())).toMatchObject({ code: 'unavailable' });
  });

  it('lets an open stream go on through an outage, and ends it when the key is gone (S10)', async () => {
    const { resolve, environment } = offering();
    const resolved = await resolve();
    environment.fail = new KeyholdError('unavailable', 'Vault is away.');
    expect(resolved.isCurrent()).toBe(true);
    environment.fail = undefined;
    environment.keys = { OPENAI_API_KEY: 'sk-test-another-key-01' };
    expect(resolved.isCurrent()).toBe(true);
    environment.keys = {};
    expect(resolved.isCurrent()).toBe(false);
  });

  it('S11 is read again after the provider refused it, at most once in 30 s, and tried again only if it is another', async () => {
    const { resolve, resolver, environment, clock } = offering();
    const refused = await resolve();
    expect(await resolver.refreshAfterRefusal(refused)).toBeUndefined();
    environment.read = { OPENAI_API_KEY: 'sk-test-rotated-key-01' };
    expect(await resolver.refreshAfterRefusal(refused)).toBeUndefined();
    clock.advance(30_000);
    expect(await resolver.refreshAfterRefusal(refused)).toMatchObject({ source: 'environment', fields: { api_key: expect.objectContaining({}) as unknown } });
    expect((await resolve()).fields['api_key']?.reveal()).toBe('sk-test-rotated-key-01');
  });
});
