import { beforeEach, describe, expect, it } from 'vitest';
import { type AdoptionWorld, cbc, createAdoptionWorld, gcm, token } from '../../../test/support/adoption-world.ts';
import { codeOf } from '../../../test/support/credential-world.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import type { LegacyForm, SecretReference } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { AdoptionOutcome, AdoptionRequest } from './adoption-request.ts';

const KEY = 'sk-test-adopted-0123456789';
let world: AdoptionWorld;

beforeEach(() => {
  world = createAdoptionWorld();
});

const value = (form: LegacyForm, text: string, more: Partial<AdoptionRequest> = {}): AdoptionRequest => ({ source: { kind: 'value', form, text: new SecretValue(text) }, read: true, ...more });
const place = (more: Partial<AdoptionRequest> = {}, form?: LegacyForm | 'plain'): AdoptionRequest => ({ source: { kind: 'place', store: 'vault', form }, read: true, ...more });
interface Where {
  readonly service?: string;
  readonly scope?: Scope;
}
const adopt = (request: AdoptionRequest, where: Where = {}): Promise<AdoptionOutcome> => world.platformAs('credential.adopt', (grant) => world.adoption.adopt(grant, request), where);
const preview = (request: AdoptionRequest, where: Where = {}): Promise<AdoptionOutcome> => world.platformAs('credential.preview', (grant) => world.adoption.preview(grant, request), where);
const inVault = (text: string, { service = 'openai', scope = tenantScope('acme'), field = 'api_key' }: Where & { readonly field?: string } = {}): SecretReference =>
  world.store.writeOutside({ scope, service, label: 'default' }, { [field]: new SecretValue(text) });

describe('R6.3: a value that an earlier system had in its database', () => {
  it('becomes a credential that serves, and lies in the encrypted database as it was', async () => {
    expect(await preview(value('cipher', gcm.value))).toEqual({ outcome: 'adoptable', storedIn: 'sealed', place: null, legacy: 'cipher', authenticated: true, hints: { api_key: '6789' }, version: null, warnings: [] });
    expect(await world.record()).toBeUndefined();
    expect(await adopt(value('cipher', gcm.value))).toMatchObject({ outcome: 'adopted', storedIn: 'sealed', legacy: 'cipher', version: 1 });
    expect(await world.served()).toBe(gcm.text);
    const reference = (await world.record())!.record.current!.reference;
    expect(reference).toMatchObject({ store: 'sealed', legacy: 'cipher' });
    expect((await world.database.get(reference))['api_key']?.reveal()).toBe(gcm.value);
    expect(world.log.of('tenant-ai-credentials.added')).toMatchObject([{ fields: { tenantId: 'acme', addedBy: 'tok-platform', storedIn: 'database' } }]);
    expect(JSON.stringify(world.log.lines)).not.toContain(gcm.text);
  });

  it('is marked where nothing proves it', async () => {
    world = createAdoptionWorld({ cipher: 'aes-256-cbc' });
    expect(await adopt(value('cipher', cbc.value))).toMatchObject({ outcome: 'adopted', authenticated: false });
    expect(await world.served()).toBe(cbc.text);
  });

  it('may be a Fernet token', async () => {
    expect(await adopt(value('fernet', token.token))).toMatchObject({ outcome: 'adopted', legacy: 'fernet', authenticated: true });
    expect(await world.served()).toBe(token.text);
  });

  it('is refused where it cannot be read, and taken unread when asked so', async () => {
    const other = gcm.value.replace(/^../u, (byte) => (byte === '00' ? '01' : '00'));
    expect(await codeOf(adopt(value('cipher', other)))).toBe('corrupt');
    expect(await world.record()).toBeUndefined();
    expect(await adopt(value('cipher', other, { read: false }))).toMatchObject({ outcome: 'adopted', hints: { api_key: '' } });
    expect(await codeOf(world.served())).toBe('corrupt');
  });

  it.each([
    ['a text that is none', value('cipher', 'sk-test-in-the-clear-0001'), 'openai'],
    ['a token that is none', value('fernet', gcm.value), 'openai'],
    ['a service with several fields', value('cipher', gcm.value), 'twilio'],
    ['a missing setting', value('cipher', gcm.value), 'azure-openai'],
    ['an unknown setting', value('cipher', gcm.value, { settings: { endpoint: 'https://x.openai.azure.com' } }), 'openai'],
  ])('is refused: %s', async (_what, request, service) => {
    expect(await codeOf(adopt(request, { service }))).toBe('invalid_argument');
    expect(world.database.keptVersions()).toBe(0);
  });

  it('keeps where the key is sent', async () => {
    const settings = { endpoint: 'https://Team.openai.azure.com/', deploymentMappings: { 'gpt-4': 'mine' } };
    expect(await adopt(value('cipher', gcm.value, { settings }), { service: 'azure-openai' })).toMatchObject({ outcome: 'adopted' });
    const record = await world.metadata.credentials.get({ scope: tenantScope('acme'), service: 'azure-openai', label: 'default' });
    expect(record?.record.current?.settings).toEqual({ endpoint: 'https://team.openai.azure.com', deploymentMappings: { 'gpt-4': 'mine' } });
  });
});

describe('R6.3: what lies in a store already', () => {
  it('stays there, and is only named', async () => {
    inVault('sk-test-older-0123456789');
    const newest = inVault(KEY);
    expect(await preview(place())).toMatchObject({ outcome: 'adoptable', storedIn: 'vault', place: 'tenants/acme/openai', authenticated: true, hints: { api_key: '6789' } });
    expect(await adopt(place())).toMatchObject({ outcome: 'adopted', storedIn: 'vault', version: 1 });
    expect((await world.record())?.record).toMatchObject({ state: 'active', intent: null, current: { reference: newest, createdBy: 'tok-platform' } });
    expect(world.store.calls.put).toBe(0);
    expect(await world.served()).toBe(KEY);
  });

  it('may be the platform\'s own, and is then offered as a hand-over would be', async () => {
    inVault(KEY, { scope: platformScope });
    expect(await adopt(place(), { scope: platformScope })).toMatchObject({ outcome: 'adopted' });
    expect((await world.record('default', platformScope))?.record.offerTo).toBe('all');
    expect(await world.served()).toBe(KEY);
  });

  it('is known for a Fernet token by its looks', async () => {
    inVault(token.token);
    expect(await adopt(place())).toMatchObject({ legacy: 'fernet', hints: { api_key: token.text.slice(-4) } });
    expect(await world.served()).toBe(token.text);
  });

  it('is not read when asked so; then it has to be said how it is encrypted', async () => {
    inVault(token.token);
    expect(await adopt(place({ read: false }, 'fernet'))).toMatchObject({ outcome: 'adopted', legacy: 'fernet', hints: { api_key: '' } });
    expect(world.store.calls.get).toBe(0);
    expect(await world.served()).toBe(token.text);
  });

  it.each<readonly [string, string, () => unknown, AdoptionRequest]>([
    ['not_found', 'nothing lies there', () => undefined, place()],
    ['invalid_argument', 'its fields are others', () => inVault(KEY, { field: 'value' }), place()],
    ['invalid_argument', 'it can be no key', () => inVault('two words'), place()],
    ['corrupt', 'it is said to be encrypted, and is not', () => inVault(KEY), place({}, 'fernet')],
    ['invalid_argument', 'it is believed to lie elsewhere', () => inVault(KEY), { ...place(), source: { kind: 'place', store: 'vault', place: 'tenants/globex/openai' } }],
    ['invalid_argument', 'the store is not switched on', () => inVault(KEY), { ...place(), source: { kind: 'place', store: 'azure-key-vault' } }],
  ])('is refused with %s where %s', async (code, _why, prepare, request) => {
    prepare();
    expect(await codeOf(adopt(request))).toBe(code);
    expect(await world.record()).toBeUndefined();
  });

  it('is replaced by the next PUT like any other', async () => {
    inVault(KEY);
    await adopt(place());
    await world.put('sk-test-replaced-0123456789');
    expect(await world.served()).toBe('sk-test-replaced-0123456789');
  });
});

describe('R6.3: an adoption once more', () => {
  it.each([
    ['of a value', () => value('cipher', gcm.value)],
    ['of a value that is not read', () => value('cipher', gcm.value, { read: false })],
    [
      'of what lies in a store',
      () => {
        inVault(KEY);
        return place();
      },
    ],
  ] as const)('%s changes nothing', async (_what, prepare: () => AdoptionRequest) => {
    const request = prepare();
    await adopt(request);
    const before = await world.record();
    expect(await adopt(request)).toMatchObject({ outcome: 'already', version: 1 });
    expect(await preview(request)).toMatchObject({ outcome: 'already' });
    expect(await world.record()).toEqual(before);
  });

  it('after the value has been migrated is still of the same credential', async () => {
    await adopt(value('cipher', gcm.value));
    await world.platformAs('credential.migrate', (grant) => world.migration.migrate(grant));
    expect(await adopt(value('cipher', gcm.value))).toMatchObject({ outcome: 'already', storedIn: 'vault' });
  });

  it.each([
    ['another key', () => world.put('sk-test-another-0123456789')],
    ['a revoked credential', async () => (await world.put(KEY), world.as('credential.revoke', (grant) => world.credentials.revoke(grant)))],
    ['a deleted credential', async () => (await world.put(KEY), world.as('credential.delete', (grant) => world.credentials.remove(grant)))],
  ])('never replaces %s', async (_what, prepare) => {
    await prepare();
    const before = await world.record();
    expect(await codeOf(adopt(value('cipher', gcm.value)))).toBe('conflict');
    expect(await codeOf(preview(value('cipher', gcm.value)))).toBe('conflict');
    expect(await world.record()).toEqual(before);
    expect(world.database.keptVersions()).toBe(0);
  });

  it('takes a name again whose credential was purged', async () => {
    await world.put(KEY);
    await world.as('credential.delete', (grant) => world.credentials.remove(grant));
    await world.as('credential.purge', (grant) => world.credentials.purge(grant));
    expect(await adopt(value('cipher', gcm.value))).toMatchObject({ outcome: 'adopted', version: 2 });
    expect(await world.served()).toBe(gcm.text);
  });

  it.each(['put.begun', 'put.stored', 'put.committed', 'put.announced'] as const)('after a crash at %s ends in the one credential', async (step) => {
    world.crashAt(step);
    await adopt(value('cipher', gcm.value)).catch(() => undefined);
    world.crashAt(undefined);
    world.world.resolver = world.newResolver();
    await world.reconcile({ allOpenIntents: true });
    await adopt(value('cipher', gcm.value));
    expect((await world.record())?.record).toMatchObject({ state: 'active', intent: null, retired: [], current: { reference: { store: 'sealed', legacy: 'cipher' } } });
    expect(world.database.keptVersions()).toBe(1);
    expect(await world.world.served()).toBe(gcm.text);
  });

  it.each(['adopt.committed', 'adopt.announced'] as const)('of what lies in a store, after a crash at %s, is done', async (step) => {
    inVault(KEY);
    world.crashAt(step);
    await expect(adopt(place())).rejects.toThrow(step);
    world.crashAt(undefined);
    world.world.resolver = world.newResolver();
    expect(await adopt(place())).toMatchObject({ outcome: 'already' });
    expect(await world.world.served()).toBe(KEY);
  });

  it('never writes over what came between', async () => {
    inVault(KEY);
    const { credentials } = world.metadata;
    const create = credentials.create.bind(credentials);
    credentials.create = async (...given) => {
      credentials.create = create;
      await world.put('sk-test-between-0123456789');
      return create(...given);
    };
    expect(await codeOf(adopt(place()))).toBe('conflict');
    expect(await world.served()).toBe('sk-test-between-0123456789');
  });
});
