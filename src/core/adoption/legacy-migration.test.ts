import { beforeEach, describe, expect, it } from 'vitest';
import { type AdoptionWorld, cbc, createAdoptionWorld, gcm, token } from '../../../test/support/adoption-world.ts';
import { codeOf } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { LegacyForm } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';

let world: AdoptionWorld;

beforeEach(() => {
  world = createAdoptionWorld();
});

const adopt = (text: string, form: LegacyForm = 'cipher', read = true) =>
  world.platformAs('credential.adopt', (grant) => world.adoption.adopt(grant, { source: { kind: 'value', form, text: new SecretValue(text) }, read }));
const migrate = () => world.platformAs('credential.migrate', (grant) => world.migration.migrate(grant));
const preview = () => world.platformAs('credential.preview', (grant) => world.migration.preview(grant));
const current = async () => (await world.record())?.record.current;

async function restart(): Promise<void> {
  world.crashAt(undefined);
  world.world.resolver = world.newResolver();
  await world.reconcile({ allOpenIntents: true });
}

describe('R3.4: rewriting legacy values into the store for new keys', () => {
  it('moves the value as it is in plaintext, and everything else stays', async () => {
    await adopt(gcm.value);
    const before = await current();
    expect(await preview()).toEqual({ outcome: 'migratable', storedIn: 'vault', legacy: 'cipher', authenticated: true, hints: { api_key: '6789' }, warnings: [] });
    expect(await current()).toEqual(before);
    expect(await migrate()).toMatchObject({ outcome: 'migrated', storedIn: 'vault', legacy: 'cipher', authenticated: true });
    const { reference, ...after } = (await current())!;
    expect(reference).toMatchObject({ store: 'vault' });
    expect(reference).not.toHaveProperty('legacy');
    expect({ ...after, reference: before?.reference }).toEqual(before);
    expect((await world.store.get(reference))['api_key']?.reveal()).toBe(gcm.text);
    expect(await world.served()).toBe(gcm.text);
  });

  it('destroys the old value only afterwards', async () => {
    await adopt(gcm.value);
    await migrate();
    expect(world.database.keptVersions()).toBe(1);
    world.clock.advance(60_000);
    await world.reconcile();
    expect(world.database.keptVersions()).toBe(0);
    expect(await world.served()).toBe(gcm.text);
  });

  it('tells what nothing proved', async () => {
    world = createAdoptionWorld({ cipher: 'aes-256-cbc' });
    await adopt(cbc.value);
    expect(await migrate()).toMatchObject({ outcome: 'migrated', authenticated: false });
  });

  it('rewrites a Fernet token where it lies', async () => {
    const fields = { api_key: new SecretValue(token.token) };
    world.store.writeOutside({ scope: tenantScope('acme'), service: 'openai', label: 'default' }, fields);
    await world.platformAs('credential.adopt', (grant) => world.adoption.adopt(grant, { source: { kind: 'place', store: 'vault' }, read: true }));
    expect(await migrate()).toMatchObject({ outcome: 'migrated', legacy: 'fernet' });
    expect((await current())?.reference).toEqual({ store: 'vault', name: { scope: tenantScope('acme'), service: 'openai', label: 'default' }, version: '2' });
    expect(await world.served()).toBe(token.text);
  });

  it('takes the hints of what was adopted unread', async () => {
    await adopt(gcm.value, 'cipher', false);
    await migrate();
    expect((await current())?.fields).toEqual([{ name: 'api_key', hint: '6789' }]);
  });

  it('once more changes nothing, nor does it touch what was never legacy', async () => {
    await adopt(gcm.value);
    await migrate();
    const before = await world.record();
    expect(await migrate()).toMatchObject({ outcome: 'already', storedIn: 'vault' });
    expect(await preview()).toMatchObject({ outcome: 'already' });
    expect(await world.record()).toEqual(before);
  });

  it('leaves the old value in force where it cannot be read', async () => {
    await adopt(gcm.value.replace(/^../u, 'ff'), 'cipher', false);
    const before = await world.record();
    expect(await codeOf(preview())).toBe('corrupt');
    expect(await codeOf(migrate())).toBe('corrupt');
    expect(await world.record()).toEqual(before);
  });

  it('leaves the old value in force where the new one comes back as another', async () => {
    await adopt(gcm.value);
    const get = world.store.get.bind(world.store);
    world.store.get = async () => ({ api_key: new SecretValue('sk-test-somebody-elses') });
    expect(await codeOf(migrate())).toBe('corrupt');
    world.store.get = get;
    expect((await world.record())?.record).toMatchObject({ intent: null, current: { reference: { store: 'sealed', legacy: 'cipher' } } });
    expect(world.store.keptVersions()).toBe(0);
    expect(await world.served()).toBe(gcm.text);
    expect(await migrate()).toMatchObject({ outcome: 'migrated' });
  });

  it('leaves the old value in force while the new store is away', async () => {
    await adopt(gcm.value);
    world.store.failNext(1, new KeyholdError('permission_denied', 'no'), { operation: 'put' });
    expect(await codeOf(migrate())).toBe('unavailable');
    expect(await world.served()).toBe(gcm.text);
    expect(await migrate()).toMatchObject({ outcome: 'migrated' });
  });

  it.each(['move.begun', 'move.stored', 'move.verified', 'move.committed', 'move.announced', 'leftovers.destroyed'] as const)('R3.4 after a crash at %s the key serves, and the next run ends it', async (step) => {
    await adopt(gcm.value);
    world.crashAt(step);
    await migrate().catch(() => undefined);
    world.clock.advance(60_000);
    await world.reconcile({ allOpenIntents: false }).catch(() => undefined);
    await restart();
    expect(await world.world.served()).toBe(gcm.text);
    await migrate();
    world.clock.advance(60_000);
    await world.reconcile();
    expect((await world.record())?.record).toMatchObject({ intent: null, retired: [], current: { reference: { store: 'vault' } } });
    expect([world.database.keptVersions(), world.store.keptVersions()]).toEqual([0, 1]);
    expect(await world.world.served()).toBe(gcm.text);
  });

  it.each(['revoked', 'deleted'] as const)('does not touch a %s credential', async (state) => {
    await adopt(gcm.value);
    if (state === 'revoked') await world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
    else await world.as('credential.delete', (grant) => world.credentials.remove(grant));
    expect(await codeOf(migrate())).toBe('conflict');
    expect(world.store.keptVersions()).toBe(0);
  });

  it('keeps a disabled credential disabled', async () => {
    await adopt(gcm.value);
    await world.as('credential.update', (grant) => world.credentials.update(grant, { disabled: true }));
    await migrate();
    expect((await world.record())?.record).toMatchObject({ disabled: true, current: { reference: { store: 'vault' } } });
  });
});
