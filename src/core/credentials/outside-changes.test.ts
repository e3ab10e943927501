import { describe, expect, it } from 'vitest';
import { codeOf, createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { until } from '../../../test/support/outcome.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { credentialKey } from './credential-key.ts';

const FIRST = 'sk-test-first-key-00001';
const OUTSIDE = 'sk-test-outside-key-0002';
const THIRD = 'sk-test-third-key-00003';
const MINUTE = 60_000;
const key = credentialKey({ scope: tenantScope('acme'), service: 'openai' });

function world({ adopt = true } = {}) {
  const made = createCredentialWorld();
  made.policy.adoptOutsideChanges = adopt;
  const writeOutside = (text: string, field = 'api_key') => made.store.writeOutside(key, { [field]: new SecretValue(text) });
  const events = () => made.log.of('changed_outside').map(({ level, fields }) => ({ level, ...fields }));
  const rows = () => made.audit.countOf('credential.changed_outside');
  return { ...made, writeOutside, events, rows };
}

describe('S17 a version that somebody wrote into the store past Keyhold', () => {
  it('is adopted where the policy says so: a new version of the same credential, recorded as changed_outside', async () => {
    const { put, outside, writeOutside, served, record, events, rows } = world();
    const { credential } = await put(FIRST);
    const reference = writeOutside(OUTSIDE);
    expect(await outside.look(key)).toBe(true);
    const { record: after } = (await record()) ?? {};
    expect(after?.current).toMatchObject({ id: credential.id, version: 2, reference, createdBy: 'outside', fields: [{ name: 'api_key', hint: '0002' }] });
    expect(after?.retired).toMatchObject([{ version: 1 }]);
    expect(await served()).toBe(OUTSIDE);
    expect(events()).toEqual([{ level: 'info', tenantId: 'acme', provider: 'openai', label: 'default', version: '2', storedIn: 'database' }]);
    expect(rows()).toBe(1);
    expect(await outside.look(key)).toBe(false);
  });

  it('is reported once and changes nothing where the policy does not', async () => {
    const { put, outside, writeOutside, served, record, events, rows } = world({ adopt: false });
    await put(FIRST);
    const before = await record();
    writeOutside(OUTSIDE);
    expect([await outside.look(key), await outside.look(key)]).toEqual([false, false]);
    expect(await record()).toEqual(before);
    expect(await served()).toBe(FIRST);
    expect(events()).toMatchObject([{ level: 'warn', version: '2', code: 'permission_denied' }]);
    expect(rows()).toBe(1);
    // Reading the value looked as well, and whoever asks meanwhile shares that look.
    await outside.look(key);
    writeOutside(THIRD);
    await outside.look(key);
    expect(events()).toMatchObject([{ version: '2' }, { version: '3' }]);
  });

  it('is never adopted for the platform, which has no policy that could say so', async () => {
    const { put, outside, store, record, events } = world();
    await put(FIRST, { scope: platformScope });
    const ofPlatform = credentialKey({ scope: platformScope, service: 'openai' });
    store.writeOutside(ofPlatform, { api_key: new SecretValue(OUTSIDE) });
    expect(await outside.look(ofPlatform)).toBe(false);
    expect((await record('default', platformScope))?.record.version).toBe(1);
    expect(events()).toMatchObject([{ level: 'warn', code: 'permission_denied' }]);
  });

  it.each([
    ['a field that the service does not have', OUTSIDE, 'apikey'],
    ['a value that could not be sent', 'sk-test with a space', 'api_key'],
  ])('is not adopted with %s', async (_what, text, field) => {
    const { put, outside, writeOutside, served, events } = world();
    await put(FIRST);
    writeOutside(text, field);
    expect(await outside.look(key)).toBe(false);
    expect(events()).toMatchObject([{ level: 'warn', code: 'invalid_argument' }]);
    expect(JSON.stringify(events())).not.toContain(text);
    expect(await served()).toBe(FIRST);
  });

  it('keeps settings, expiry and being disabled: where a key is sent stays Keyhold\'s own (S3)', async () => {
    const { as, credentials, outside, store, metadata } = world();
    const settings = { endpoint: 'https://acme.openai.azure.com' };
    await as('credential.put', (grant) => credentials.put(grant, { fields: { api_key: FIRST }, settings }), { service: 'azure-openai' });
    await as('credential.update', (grant) => credentials.update(grant, { disabled: true, notes: 'ours' }), { service: 'azure-openai' });
    const azure = credentialKey({ scope: tenantScope('acme'), service: 'azure-openai' });
    store.writeOutside(azure, { api_key: new SecretValue(OUTSIDE) });
    expect(await outside.look(azure)).toBe(true);
    expect((await metadata.credentials.get(azure))?.record).toMatchObject({ disabled: true, notes: 'ours', current: { version: 2, settings } });
  });

  it('is looked for when a value is read from the store, and serves from the next request on', async () => {
    const { put, writeOutside, served, events, clock } = world();
    await put(FIRST);
    expect(await served()).toBe(FIRST);
    writeOutside(OUTSIDE);
    expect(await served()).toBe(FIRST);
    clock.advance(5 * MINUTE);
    expect(await served()).toBe(FIRST);
    await until('it was adopted', () => events().length > 0);
    expect(await served()).toBe(OUTSIDE);
  });

  it('is looked for when the provider refuses the key, and when the version in the record is gone', async () => {
    const { put, writeOutside, served, resolver, use, store, record, clock } = world();
    await put(FIRST);
    const refused = await resolver.resolve(await use(), { service: testServices.openai });
    writeOutside(OUTSIDE);
    expect((await resolver.refreshAfterRefusal(refused))?.fields['api_key']?.reveal()).toBe(OUTSIDE);
    const current = (await record())?.record.current;
    if (current === null || current === undefined) throw new Error('There is no current version.');
    writeOutside(THIRD);
    await store.destroy(current.reference);
    clock.advance(5 * MINUTE);
    expect(await served()).toBe(THIRD);
  });

  it('is no version that a write of our own is making', async () => {
    const { put, outside, atSteps, events } = world();
    await put(FIRST);
    const looked: boolean[] = [];
    atSteps(async (step) => {
      if (step === 'put.stored') looked.push(await outside.look(key));
    });
    await put(THIRD);
    expect([looked, events()]).toEqual([[false], []]);
  });

  it('waits while the store cannot be asked, and while the log cannot be written', async () => {
    const { put, outside, writeOutside, store, audit, events } = world();
    await put(FIRST);
    writeOutside(OUTSIDE);
    store.failNext(1, new KeyholdError('unavailable', 'The store is away.'), { operation: 'get' });
    expect(await outside.look(key)).toBe(false);
    audit.fails = new KeyholdError('unavailable', 'The log cannot be written.');
    expect(await outside.look(key)).toBe(false);
    expect(events()).toEqual([]);
    audit.fails = undefined;
    expect(await outside.look(key)).toBe(true);
  });
});

describe('S17 a hand-over over what somebody wrote into the store', () => {
  it.each([true, false])('replaces it, whether the policy adopts such changes or not: %s', async (adopt) => {
    const { put, writeOutside, served, events } = world({ adopt });
    await put(FIRST);
    writeOutside(OUTSIDE);
    expect((await put(THIRD)).credential.version).toBeGreaterThan(1);
    expect(await served()).toBe(THIRD);
    expect(events()).toMatchObject([{ level: 'warn', version: '2' }]);
  });

  it('replaces what was there before there was a credential', async () => {
    const { put, writeOutside, served } = world();
    writeOutside(OUTSIDE);
    expect((await put(FIRST)).created).toBe(true);
    expect(await served()).toBe(FIRST);
  });

  it('is still refused when another write of Keyhold\'s own is open (R0.3)', async () => {
    const { put, atSteps } = world();
    await put(FIRST);
    const codes: string[] = [];
    atSteps(async (step) => {
      if (step !== 'put.begun' || codes.length > 0) return;
      codes.push('tried');
      codes.push(await codeOf(put(OUTSIDE)));
    });
    await put(THIRD);
    expect(codes).toEqual(['tried', 'conflict']);
  });
});
