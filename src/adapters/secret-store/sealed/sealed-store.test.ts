import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createInProcessBus } from '../../bus/in-process.ts';
import { DataKeys } from '../../../core/crypto/data-keys.ts';
import { RootKey } from '../../../core/crypto/root-key.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { SealedValueRecord, SealedValueRepository } from '../../../ports/metadata/sealed.ts';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { PutIntent, SecretName, SecretReference } from '../../../ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../../ports/secret-value.ts';
import { createMemoryStore } from '../../metadata-store/memory/memory-store.ts';
import { createSealedStore } from './sealed-store.ts';

const clock = { now: () => 1000, monotonic: () => 1000 };
const root = new RootKey('root_test', Buffer.alloc(32, 2));
const name: SecretName = { scope: tenantScope('acme'), service: 'twilio', label: 'default' };
const fields: SecretFields = { account_sid: new SecretValue('AC-test-sid-000001'), auth_token: new SecretValue('tok-test-sealed-01') };
const intent: PutIntent = { id: 'intent-1', version: 1, cas: null, digest: 'digest-1' };
const corrupt = expect.objectContaining({ code: 'corrupt' });
const conflict = expect.objectContaining({ code: 'conflict' });
const notFound = expect.objectContaining({ code: 'not_found' });

/** A sealed store on a database in memory, some of whose operations may be replaced. */
function setUp(change: (values: SealedValueRepository) => Partial<SealedValueRepository> = () => ({})) {
  const { sealedValues: values, dataKeys: repository } = createMemoryStore();
  const changed: SealedValueRepository = {
    get: (key) => values.get(key),
    create: (key, record) => values.create(key, record),
    replace: (key, record, revision) => values.replace(key, record, revision),
    remove: (key, revision) => values.remove(key, revision),
    list: (scope, page) => values.list(scope, page),
    ...change(values),
  };
  const dataKeys = new DataKeys({ repository, root, bus: createInProcessBus(), clock, random: randomBytes });
  return { values, repository, store: createSealedStore({ values: changed, dataKeys, clock, random: randomBytes }) };
}

async function recordOf(values: SealedValueRepository, version = 1): Promise<{ readonly record: SealedValueRecord; readonly revision: number }> {
  const stored = await values.get({ ...name, version });
  if (stored === undefined) throw new Error('no value is kept');
  return stored;
}

describe('R3.5: the sealed store', () => {
  it('keeps no value in the clear, and the reference is the version', async () => {
    const { store, values } = setUp();
    expect(await store.put(name, fields, { ...intent, version: 7 })).toEqual({ store: 'sealed', name, version: '7' });
    const { record } = await recordOf(values, 7);
    expect(record).toMatchObject({ intentId: 'intent-1', digest: 'digest-1', dataKeyId: 'dk_1', removedAt: null });
    expect(Object.keys(record.fields)).toEqual(['account_sid', 'auth_token']);
    const kept = JSON.stringify(record) + Object.values(record.fields).map((sealed) => Buffer.from(sealed, 'base64').toString('latin1')).join('');
    expect(kept).not.toMatch(/test/);
  });

  it('keeps a field of any name', async () => {
    const { store } = setUp();
    const odd = Object.fromEntries(['__proto__', 'constructor', 'toString', ''].map((field) => [field, new SecretValue(`tok-test-${field}`)]));
    const read = await store.get(await store.put(name, odd, intent));
    expect(Object.entries(read).map(([field, value]) => [field, value.reveal()])).toEqual(Object.entries(odd).map(([field, value]) => [field, value.reveal()]));
  });

  it('says corrupt when a value was changed', async () => {
    const { store, values } = setUp();
    const reference = await store.put(name, fields, intent);
    const { record, revision } = await recordOf(values);
    const sealed = Buffer.from(record.fields['auth_token'] ?? '', 'base64');
    sealed.writeUInt8(sealed.readUInt8(100) ^ 1, 100);
    await values.replace({ ...name, version: 1 }, { ...record, fields: { ...record.fields, auth_token: sealed.toString('base64') } }, revision);
    await expect(store.get(reference)).rejects.toThrow(corrupt);
  });

  it('says corrupt when values were exchanged between fields, versions, names or tenants (S13)', async () => {
    const { store, values } = setUp();
    const reference = await store.put(name, fields, intent);
    const { record, revision } = await recordOf(values);
    const { account_sid: sid, auth_token: token } = record.fields;
    await values.replace({ ...name, version: 1 }, { ...record, fields: { account_sid: token ?? '', auth_token: sid ?? '' } }, revision);
    await expect(store.get(reference)).rejects.toThrow(corrupt);
    const places: readonly SecretReference[] = [
      { ...reference, version: '2' },
      { ...reference, name: { ...name, label: 'eu' } },
      { ...reference, name: { ...name, service: 'openai' } },
      { ...reference, name: { ...name, scope: platformScope } },
      { ...reference, name: { ...name, scope: tenantScope('other') } },
    ];
    for (const place of places) {
      if (place.version === '1') await store.put(place.name, fields, { ...intent, version: 9 });
      await values.create({ ...place.name, version: Number(place.version) }, record);
      await expect(store.get(place), JSON.stringify(place)).rejects.toThrow(corrupt);
    }
  });

  it('says corrupt when the data key is gone', async () => {
    const { store, values, repository } = setUp();
    const reference = await store.put(name, fields, intent);
    await repository.remove({ scope: name.scope, id: 'dk_1' }, 1);
    const restarted = createSealedStore({ values, dataKeys: new DataKeys({ repository, root, bus: createInProcessBus(), clock, random: randomBytes }), clock, random: randomBytes });
    await expect(restarted.get(reference)).rejects.toThrow(corrupt);
  });

  it('knows nothing of references that it did not give', async () => {
    const { store } = setUp();
    const reference = await store.put(name, fields, intent);
    for (const version of ['', '0', '01', '-1', '1.0', '1e0', ' 1', '2', '9'.repeat(30), 'latest']) {
      await expect(store.get({ ...reference, version })).rejects.toThrow(notFound);
      await store.destroy({ ...reference, version });
    }
    await expect(store.get({ ...reference, store: 'vault' })).rejects.toThrow(notFound);
    await store.destroy({ ...reference, store: 'vault' });
    expect(Object.keys(await store.get(reference))).toEqual(['account_sid', 'auth_token']);
  });

  it('refuses text that would come back changed, and keeps nothing', async () => {
    const { store, values } = setUp();
    await expect(store.put(name, { api_key: new SecretValue('half \udc00') }, intent)).rejects.toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(await values.get({ ...name, version: 1 })).toBeUndefined();
  });
});

describe('the sealed store, given up and late writes', () => {
  it('refuses a put that comes after a probe has found nothing, and keeps no value of it', async () => {
    const { store, values } = setUp();
    expect(await store.probe(name, intent)).toBeUndefined();
    await expect(store.put(name, fields, intent)).rejects.toThrow(conflict);
    expect((await recordOf(values)).record.fields).toEqual({});
    const reference: SecretReference = { store: 'sealed', name, version: '1' };
    await expect(store.get(reference)).rejects.toThrow(notFound);
    await expect(store.restore(reference)).rejects.toThrow(notFound);
    await store.remove(reference);
    await store.destroy(reference);
    await expect(store.put(name, fields, intent)).rejects.toThrow(conflict);
    expect(await store.probe(name, intent)).toBeUndefined();
  });

  it('decides between a put and a probe that meet, and both agree', async () => {
    for (const probeFirst of [false, true]) {
      const { store } = setUp();
      const calls = [() => store.put(name, fields, intent), () => store.probe(name, intent)];
      const begun = (probeFirst ? calls.reverse() : calls).map((call) => call());
      const results = await Promise.allSettled(probeFirst ? begun.reverse() : begun);
      const happened = await store.probe(name, intent);
      expect(results[0]?.status).toBe(happened === undefined ? 'rejected' : 'fulfilled');
      expect(results[1]).toEqual({ status: 'fulfilled', value: happened });
    }
  });

  it('a put that loses the race for its record to its own repetition succeeds, to another fails', async () => {
    for (const [winner, outcome] of [
      [intent, 'fulfilled'],
      [{ ...intent, id: 'intent-2' }, 'rejected'],
      [{ ...intent, digest: 'digest-2' }, 'rejected'],
    ] as const) {
      let raced = false;
      const { store } = setUp((values) => ({
        create: async (key, record) => {
          if (!raced) {
            raced = true;
            await values.create(key, { ...record, intentId: winner.id, digest: winner.digest });
          }
          return values.create(key, record);
        },
      }));
      const [result] = await Promise.allSettled([store.put(name, fields, intent)]);
      expect(result?.status).toBe(outcome);
      if (result?.status === 'rejected') expect(result.reason).toEqual(conflict);
    }
  });

  it('tries a removal again when another write was faster, but not for ever', async () => {
    let failures = 3;
    const lost = new KeyholdError('conflict', 'Another write came first.');
    const { store, values } = setUp((repository) => ({
      replace: (key, record, revision) => {
        failures -= 1;
        return failures < 0 ? repository.replace(key, record, revision) : Promise.reject(lost);
      },
    }));
    const reference = await store.put(name, fields, intent);
    await store.remove(reference);
    expect((await recordOf(values)).record.removedAt).toBe(1000);
    failures = Number.POSITIVE_INFINITY;
    await expect(store.restore(reference)).rejects.toThrow(conflict);
  });
});

describe('the sealed store without its database', () => {
  it('is unavailable, never not_found, and its health says so', async () => {
    const down = new KeyholdError('unavailable', 'The database does not answer.');
    const { store } = setUp(() => ({ get: () => Promise.reject(down) }));
    const reference: SecretReference = { store: 'sealed', name, version: '1' };
    const calls = [store.put(name, fields, intent), store.get(reference), store.probe(name, intent), store.remove(reference), store.restore(reference), store.destroy(reference)];
    for (const result of await Promise.allSettled(calls)) expect(result).toEqual({ status: 'rejected', reason: down });
    expect(await store.health()).toEqual({ connected: false, latencyMs: 0 });
  });
});
