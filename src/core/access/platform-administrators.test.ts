import { expect, it } from 'vitest';
import { createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import { platformScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { prepareBootstrapToken } from './bootstrap-token.ts';

const DAY = 24 * 60 * 60 * 1_000;

it('knows whether anybody can still sign in as platform-admin: not by a revoked or expired token, nor by one of another role', async () => {
  const made = createAccessWorld();
  const make = (role: string, expiresAt: number | null) =>
    made.perform(platformAdmin, 'token.create', { scope: platformScope }, (grant) => made.tokenService.create(grant, { name: role, role, expiresAt }));
  expect(await made.administrators.isAdministered()).toBe(false);
  await make('platform-operator', null);
  expect(await made.administrators.isAdministered()).toBe(false);
  const { token } = await make('platform-admin', made.clock.now() + DAY);
  expect(await made.administrators.isAdministered()).toBe(true);
  await expect(made.administrators.leave(token.id)).rejects.toMatchObject({ code: 'conflict' });
  made.advance(DAY);
  expect(await made.administrators.isAdministered()).toBe(false);
  await prepareBootstrapToken({ ...made, adminToken: new SecretValue('an administrator chose this text of 44 signs') });
  expect(await made.administrators.isAdministered()).toBe(true);
  await prepareBootstrapToken({ ...made, adminToken: null });
  expect(await made.administrators.isAdministered()).toBe(false);
});
