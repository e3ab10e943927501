import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import { platformScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { prepareBootstrapToken } from './bootstrap-token.ts';
import { Principals } from './principals.ts';
import { tokenDigest } from './token-text.ts';

const one = 'an administrator chose this text of 44 signs';
const two = 'an administrator chose another text, 45 signs';

function prepare(made: AccessWorld, text: string | null) {
  return prepareBootstrapToken({ ...made, adminToken: text === null ? null : new SecretValue(text) });
}

async function works(made: AccessWorld, bootstrap: { readonly digest: string } | null, text: string) {
  return (await new Principals({ ...made, bootstrap }).authenticate(text, ['t'])) !== undefined;
}

const record = async (made: AccessWorld) => (await made.store.tokens.get({ id: 'bootstrap' }))?.record;

describe('KEYHOLD_ADMIN_TOKEN (S28)', () => {
  it('is the token bootstrap, made once, audited', async () => {
    const made = createAccessWorld();
    const bootstrap = await prepare(made, one);
    expect(bootstrap).toEqual({ digest: tokenDigest(one) });
    expect(await record(made)).toMatchObject({ id: 'bootstrap', origin: 'bootstrap', role: 'platform-admin', revokedAt: null });
    expect(made.rows).toEqual(['intent token.create bootstrap platform/bootstrap', 'outcome ok']);
    await prepare(made, one);
    expect(made.rows).toHaveLength(2);
    expect(await works(made, bootstrap, one)).toBe(true);
  });

  it('changing it replaces the token, audited as a revocation and a creation', async () => {
    const made = createAccessWorld();
    await prepare(made, one);
    made.rows.length = 0;
    const bootstrap = await prepare(made, two);
    expect(made.rows).toEqual(['intent token.revoke bootstrap platform/bootstrap', 'outcome ok', 'intent token.create bootstrap platform/bootstrap', 'outcome ok']);
    expect(await works(made, bootstrap, one)).toBe(false);
    expect(await works(made, bootstrap, two)).toBe(true);
  });

  it('unsetting it revokes the token, audited, once; setting it again makes it anew', async () => {
    const made = createAccessWorld();
    await prepare(made, one);
    made.rows.length = 0;
    const unset = await prepare(made, null);
    expect(unset).toBeNull();
    expect(made.rows).toEqual(['intent token.revoke bootstrap platform/bootstrap', 'outcome ok']);
    expect((await record(made))?.revokedAt).toBe(made.clock.now());
    expect(await works(made, unset, one)).toBe(false);
    await prepare(made, null);
    expect(made.rows).toHaveLength(2);
    expect(await works(made, await prepare(made, one), one)).toBe(true);
    expect((await record(made))?.revokedAt).toBeNull();
  });

  it('replicas that start together, with one value or with another in the middle of a change, all start, and one value is in the record', async () => {
    const made = createAccessWorld();
    await Promise.all([1, 2, 3, 4].map(() => prepare(made, one)));
    expect(await record(made)).toMatchObject({ digests: [{ digest: tokenDigest(one) }], revokedAt: null });
    await Promise.all([one, two, two, null].map((text) => prepare(made, text)));
    await Promise.all([1, 2, 3, 4].map(() => prepare(made, two)));
    expect(await record(made)).toMatchObject({ digests: [{ digest: tokenDigest(two) }], revokedAt: null });
    await Promise.all([1, 2, 3, 4].map(() => prepare(made, null)));
    expect((await record(made))?.revokedAt).not.toBeNull();
  });

  it('nothing happens where it was never set', async () => {
    const made = createAccessWorld();
    expect(await prepare(made, null)).toBeNull();
    expect(made.rows).toEqual([]);
    expect(await record(made)).toBeUndefined();
  });

  it('cannot be revoked by a request, since the next start would make it again', async () => {
    const made = createAccessWorld();
    await prepare(made, one);
    const revoke = made.perform(platformAdmin, 'token.revoke', { scope: platformScope, id: 'bootstrap' }, (grant) => made.tokenService.revoke(grant));
    await expect(revoke).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('KEYHOLD_ADMIN_TOKEN') });
  });

  it('neither its id nor its stored digest signs in', async () => {
    const made = createAccessWorld();
    const bootstrap = await prepare(made, one);
    expect(await works(made, bootstrap, 'bootstrap')).toBe(false);
    expect(await works(made, bootstrap, tokenDigest(one))).toBe(false);
  });
});
