import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { credentialRecord, tenantRecord } from '../../../test/contract/metadata-store-records.ts';
import { createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { createMemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import { createSealedStore } from '../../adapters/secret-store/sealed/sealed-store.ts';
import type { BusNews } from '../../ports/bus.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { SigningKey } from '../audit/notes/signing-key.ts';
import { storeAround } from '../credentials/store-around.ts';
import { DataKeys } from '../crypto/data-keys.ts';
import { RootKey } from '../crypto/root-key.ts';
import { KnownCopies } from './known-copies.ts';
import { openCertificate } from './shredding-certificate.ts';
import { type KeyStep, keySteps } from './steps.ts';
import { TenantShredding } from './tenant-shredding.ts';

const scope = tenantScope('acme');
const signer = SigningKey.fromSeed('keyhold/test', Buffer.alloc(32, 7));
const root = new RootKey('root_test', Buffer.alloc(32, 2));
const died = new Error('died here');
const DAY = 86_400_000;

async function world({ backupsKeptMs = 30 * DAY, keyVault = {} }: { readonly backupsKeptMs?: number | null; readonly keyVault?: Partial<SecretStore> } = {}) {
  const accessWorld = createAccessWorld();
  await accessWorld.addTenant('acme', 'deleting');
  const { access } = accessWorld;
  const metadata = createMemoryStore();
  await metadata.tenants.create({ tenant: 'acme' }, tenantRecord('acme'));
  const bus = createInProcessBus();
  const announced: BusNews[] = [];
  bus.subscribe((message) => announced.push(message));
  const time = { ms: Date.UTC(2026, 10, 28) };
  const clock = { now: () => time.ms, monotonic: () => time.ms };
  const dataKeysOf = () => new DataKeys({ repository: metadata.dataKeys, root, bus, clock, random: randomBytes });
  const dataKeys = dataKeysOf();
  const store = createSealedStore({ values: metadata.sealedValues, dataKeys, clock, random: randomBytes });
  const azure = storeAround(createMemorySecretStore({ kind: 'azure-key-vault' }), keyVault);
  const wipes = { count: 0, isBusy: false };
  const dyingAt = (diesAt?: KeyStep) =>
    new TenantShredding({
      tenants: metadata.tenants,
      dataKeys,
      copies: new KnownCopies({ credentials: metadata.credentials, stores: (kind) => (kind === 'azure-key-vault' ? azure : undefined), backupsKeptMs }),
      wipe: async () => {
        if (wipes.isBusy) throw new KeyholdError('unavailable', 'Another program reads the database.');
        wipes.count += 1;
      },
      signer,
      bus,
      clock,
      log: new RecordingLog(),
      step: (step) => {
        if (step === diesAt) throw died;
      },
    });
  const shredding = dyingAt();
  const now = (by = shredding) => access.perform(platformAdmin, 'tenant.shred', { scope }, null, (grant) => by.shredNow(grant));
  const finish = (by = shredding) => access.perform(platformAdmin, 'tenant.shred', { scope }, null, (grant) => by.finish(grant));
  const put = (version: number) => store.put({ scope, service: 'openai', label: 'default' }, { api_key: new SecretValue(`sk-test-shredded-${version}`) }, { id: `i${version}`, version, cas: null, digest: `d${version}` });
  const readsFrom = (reference: SecretReference) => createSealedStore({ values: metadata.sealedValues, dataKeys: dataKeysOf(), clock, random: randomBytes }).get(reference);
  return { metadata, announced, time, dataKeys, store, wipes, dyingAt, shredding, now, finish, put, readsFrom, access };
}

const certified = (note: string | null): unknown => openCertificate(note ?? '', [signer.verifier]);

describe('S16: shredding a tenant', () => {
  it('makes what was sealed unreadable at once, everywhere, and begins the removal', async () => {
    const { metadata, announced, dataKeys, store, now, put, readsFrom } = await world();
    const reference = await put(1);
    const commitment = await dataKeys.commitmentOf(scope, 'dk_1');
    const view = await now();
    expect(view).toMatchObject({ tenant: 'acme', requestedBy: platformAdmin.id, keys: [{ id: 'dk_1', commitment, destroyedAt: expect.any(Number) }], certificate: null });
    // The process that has used the key, and one that never has.
    for (const read of [store.get(reference), readsFrom(reference)]) await expect(read).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
    expect(announced).toContainEqual(expect.objectContaining({ topic: 'data-key', scopeKey: 'tenant:acme', id: 'dk_1' }));
    expect((await metadata.tenants.get({ tenant: 'acme' }))?.record.state).toBe('deleting');
  });

  it('takes the wrapped keys out of the files at once, and certifies nothing before that was possible', async () => {
    const { wipes, now, finish, put, readsFrom } = await world();
    const reference = await put(1);
    wipes.isBusy = true;
    expect(await now()).toMatchObject({ keys: [{ destroyedAt: expect.any(Number) }], certificate: null });
    await expect(readsFrom(reference)).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
    await expect(finish()).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
    wipes.isBusy = false;
    await now();
    expect(wipes.count).toBe(1);
    expect((await finish()).certificate).not.toBeNull();
  });

  it('ends with a certificate that the audit log\'s key has signed: what was destroyed, and each copy that remains with its date', async () => {
    const endsAt = Date.UTC(2027, 0, 15);
    const { metadata, time, finish, put, wipes } = await world({ keyVault: { copies: async ({ service }) => [{ what: 'the soft-deleted secret', place: `ai-provider-${service}-tenant-acme`, until: endsAt }] } });
    await put(1);
    for (const [service, store] of [['openai', 'azure-key-vault'], ['stripe', 'vault'], ['groq', 'sealed']] as const) {
      const record = credentialRecord({ scope, service, label: 'default' });
      if (record.current === null) throw new Error('the sample has no version');
      await metadata.credentials.create({ scope, service, label: 'default' }, { ...record, retired: [], current: { ...record.current, reference: { ...record.current.reference, store } } });
    }
    const { certificate, keys } = await finish();
    expect(wipes.count).toBe(1);
    expect(certified(certificate)).toEqual({
      tenant: 'acme',
      log: 'keyhold/test',
      requestedBy: platformAdmin.id,
      startedAt: '2026-11-28T00:00:00.000Z',
      certifiedAt: '2026-11-28T00:00:00.000Z',
      destroyedDataKeys: [{ id: 'dk_1', createdAt: '2026-11-28T00:00:00.000Z', commitment: keys[0]?.commitment, destroyedAt: '2026-11-28T00:00:00.000Z' }],
      remainingCopies: [
        { what: expect.stringContaining('backups'), place: expect.any(String), until: new Date(time.ms + 30 * DAY).toISOString() },
        { what: 'the soft-deleted secret', place: 'ai-provider-openai-tenant-acme', until: '2027-01-15T00:00:00.000Z' },
        { what: expect.stringContaining('vault has kept, which is switched off'), place: 'stripe/default', until: null },
        { what: expect.stringContaining('snapshots'), place: expect.any(String), until: null },
      ],
      effectiveAt: null,
    });
    expect(certified(certificate?.replace('acme', 'beta') ?? null)).toBeUndefined();
    expect(openCertificate(certificate ?? '', [SigningKey.fromSeed('keyhold/test', Buffer.alloc(32, 8)).verifier])).toBeUndefined();
    expect((await finish()).certificate).toBe(certificate);
  });

  it('is effective when the last copy is gone, where all dates are known, and says so where one is not', async () => {
    const known = await world();
    await known.put(1);
    expect(certified((await known.finish()).certificate)).toMatchObject({ effectiveAt: new Date(known.time.ms + 30 * DAY).toISOString() });
    const unknown = await world({ backupsKeptMs: null });
    expect(certified((await unknown.finish()).certificate)).toMatchObject({ destroyedDataKeys: [], effectiveAt: null });
  });

  it.each(keySteps.filter((step) => step.startsWith('shred.')))('is finished by the next process when one dies at %s, and forgets no key', async (diesAt) => {
    const { dataKeys, dyingAt, finish, put, readsFrom } = await world();
    const reference = await put(1);
    await dataKeys.renew(scope, 'a rotation');
    const commitments = [await dataKeys.commitmentOf(scope, 'dk_1'), await dataKeys.commitmentOf(scope, 'dk_2')];
    await expect(finish(dyingAt(diesAt))).rejects.toThrow(died);
    const { keys, certificate } = await finish();
    expect(keys.map(({ id, commitment, destroyedAt }) => [id, commitment, destroyedAt !== null])).toEqual([['dk_1', commitments[0], true], ['dk_2', commitments[1], true]]);
    expect(certified(certificate)).toMatchObject({ destroyedDataKeys: [{ id: 'dk_1' }, { id: 'dk_2' }] });
    expect(await dataKeys.list(scope)).toEqual([]);
    await expect(readsFrom(reference)).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  it('certifies again what a late write has made meanwhile', async () => {
    const { time, now, finish, put } = await world();
    await put(1);
    await now();
    const first = await finish();
    time.ms += 1000;
    await put(2);
    const second = await finish();
    expect(second.certificate).not.toBe(first.certificate);
    expect(second.keys).toHaveLength(2);
    expect(second.keys.every(({ destroyedAt }) => destroyedAt !== null)).toBe(true);
  });

  it('can be looked up when the tenant is gone, and is not begun on one that is', async () => {
    const { metadata, access, shredding, finish, now } = await world();
    const { certificate } = await finish();
    const stored = (await metadata.tenants.get({ tenant: 'acme' }))!;
    await metadata.tenants.replace({ tenant: 'acme' }, { ...stored.record, state: 'deleted' }, stored.revision);
    for (const tenant of ['acme', null]) {
      const { items } = await access.perform(platformAdmin, 'shredding.read', { scope: { kind: 'platform' } }, null, (grant) => shredding.list(grant, tenant, { limit: 10 }));
      expect(items).toMatchObject([{ tenant: 'acme', certificate }]);
    }
    await expect(now()).rejects.toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});
