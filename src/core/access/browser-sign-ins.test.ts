import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { createAccessWorld, tenantActor } from '../../../test/support/access-world.ts';
import { TEST_ISSUER as issuer, testIssuer } from '../../../test/support/test-issuer.ts';
import type { IdentityProviders } from '../../ports/identity-providers.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { tenantScope } from '../../ports/scope.ts';
import { BrowserSignIns } from './browser-sign-ins.ts';
import { Issuers } from './issuers.ts';
import { SignInAttempts } from './sign-in-attempts.ts';
import { userIdOf } from './user-id.ts';

it('S35: what an identity provider calls somebody is kept as it can be shown, and what cannot is not', async () => {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.perform(tenantActor('tenant-admin'), 'user.invite', { scope: tenantScope('acme') }, (grant) => made.memberService.invite(grant, { issuer, subject: 'zoe', name: 'Zoë', role: 'tenant-member' }));
  let told = { name: 'Zo\u0000ë\u202e 👩', email: '\u001b' };
  const providers: IdentityProviders = {
    authorizationUrl: async (_issuer, { state }) => state,
    finish: async () => ({ subject: 'zoe', ...told, authenticatedAt: null, sid: undefined }),
    endSessionUrl: async () => undefined,
    ended: async () => undefined,
  };
  const issuers = new Issuers([testIssuer({ client: { id: 'keyhold', secret: new SecretValue('not-a-secret') } })]);
  const attempts = new SignInAttempts(Buffer.alloc(32, 5), { random: randomBytes, clock: made.clock });
  const holders = { ofUser: (id: string) => made.userReader.actorOf(id) };
  const signIns = new BrowserSignIns({ ...made, issuers, providers, attempts, holders, users: made.store.users, publicUrl: 'https://keyhold.example.com' });
  const signIn = async () => {
    const { location: state, sealed } = await signIns.start({ issuer, fresh: false, returnTo: '/', previous: null });
    await signIns.finish(sealed, new URLSearchParams({ state }), 'req');
    return (await made.store.users.get({ id: userIdOf(issuer, 'zoe') }))?.record;
  };
  expect(await signIn()).toMatchObject({ name: 'Zoë 👩', email: null });
  told = { name: '\u200b', email: 'zoe@example.com' };
  expect(await signIn()).toMatchObject({ name: 'Zoë 👩', email: 'zoe@example.com' });
});
