import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { DataKeyRepository } from '../../ports/metadata/sealed.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { DataKeys } from './data-keys.ts';
import { RootKey } from './root-key.ts';

const acme = tenantScope('acme');
const root = new RootKey('root_test', Buffer.alloc(32, 5));
const corrupt = expect.objectContaining({ code: 'corrupt' });

function setUp(repository: DataKeyRepository = createMemoryStore().dataKeys, under = root) {
  const time = { ms: 1000 };
  const clock = { now: () => time.ms, monotonic: () => time.ms };
  const reads: string[] = [];
  const counted: DataKeyRepository = {
    get: (key) => {
      reads.push(key.id);
      return repository.get(key);
    },
    list: (scope) => repository.list(scope),
    create: (key, record) => repository.create(key, record),
    replace: (key, record, revision) => repository.replace(key, record, revision),
    remove: (key, revision) => repository.remove(key, revision),
  };
  return { repository, time, reads, dataKeys: new DataKeys({ repository: counted, root: under, bus: createInProcessBus(), clock, random: randomBytes }) };
}

describe('S12: data keys', () => {
  it('are made on first use and are the same afterwards, in another process too', async () => {
    const { repository, dataKeys } = setUp();
    const first = await dataKeys.current(acme);
    expect(first.id).toBe('dk_1');
    expect((await dataKeys.current(acme)).key.equals(first.key)).toBe(true);
    expect((await setUp(repository).dataKeys.current(acme)).key.equals(first.key)).toBe(true);
    expect(await repository.list(acme)).toHaveLength(1);
  });

  it('are made once by writers that start together', async () => {
    const { repository, dataKeys } = setUp();
    const other = setUp(repository).dataKeys;
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? dataKeys : other).current(acme)));
    expect(made.every(({ key }) => made[0]?.key.equals(key))).toBe(true);
    expect(await repository.list(acme)).toHaveLength(1);
  });

  it('are each scope’s own', async () => {
    const { dataKeys } = setUp();
    const [one, other, platform] = await Promise.all([acme, tenantScope('acme2'), platformScope].map((scope) => dataKeys.current(scope)));
    expect(one?.key.equals(other?.key ?? one.key)).toBe(false);
    expect(one?.key.equals(platform?.key ?? one.key)).toBe(false);
  });

  it('are never in the database in the clear', async () => {
    const { repository, dataKeys } = setUp();
    const { key } = await dataKeys.current(acme);
    const bytes = key.export();
    const record = (await repository.get({ scope: acme, id: 'dk_1' }))?.record;
    expect(Buffer.from(record?.wrapped ?? '', 'base64').includes(bytes)).toBe(false);
    expect(JSON.stringify(record)).not.toContain(bytes.toString('hex'));
  });

  it('take the newest by number for new values', async () => {
    const { repository, dataKeys, time } = setUp();
    await dataKeys.current(acme);
    const record = (await repository.get({ scope: acme, id: 'dk_1' }))?.record;
    if (record === undefined) throw new Error('no data key was made');
    await repository.create({ scope: acme, id: 'dk_10' }, { ...record, createdAt: 1 });
    await repository.create({ scope: acme, id: 'dk_9' }, { ...record, createdAt: time.ms + 1 });
    await expect(dataKeys.current(acme)).rejects.toThrow(corrupt);
    expect((await dataKeys.byId(acme, 'dk_1')).id).toBe('dk_1');
  });

  it('are refused with any byte of the wrapped key changed', async () => {
    const { repository, dataKeys } = setUp();
    await dataKeys.current(acme);
    const stored = await repository.get({ scope: acme, id: 'dk_1' });
    if (stored === undefined) throw new Error('no data key was made');
    const wrapped = Buffer.from(stored.record.wrapped, 'base64');
    let { revision } = stored;
    for (let index = 0; index < wrapped.length; index += 1) {
      const changed = Buffer.from(wrapped);
      changed.writeUInt8(wrapped.readUInt8(index) ^ 0x10, index);
      ({ revision } = await repository.replace({ scope: acme, id: 'dk_1' }, { ...stored.record, wrapped: changed.toString('base64') }, revision));
      await expect(setUp(repository).dataKeys.byId(acme, 'dk_1'), `byte ${index}`).rejects.toThrow(corrupt);
    }
    await repository.replace({ scope: acme, id: 'dk_1' }, { ...stored.record, wrapped: `${stored.record.wrapped}\n` }, revision);
    await expect(setUp(repository).dataKeys.byId(acme, 'dk_1')).rejects.toThrow(corrupt);
  });

  it('open in their own scope, under their own id and root key alone', async () => {
    const { repository, dataKeys } = setUp();
    await dataKeys.current(acme);
    const record = (await repository.get({ scope: acme, id: 'dk_1' }))?.record;
    if (record === undefined) throw new Error('no data key was made');
    const places = [
      { scope: tenantScope('acme2'), id: 'dk_1' },
      { scope: platformScope, id: 'dk_1' },
      { scope: acme, id: 'dk_2' },
    ];
    for (const place of places) {
      await repository.create(place, record);
      await expect(dataKeys.byId(place.scope, place.id)).rejects.toThrow(corrupt);
    }
    const otherId = new RootKey('root_other', Buffer.alloc(32, 5));
    await expect(setUp(repository, otherId).dataKeys.byId(acme, 'dk_1')).rejects.toThrow(corrupt);
    const otherKey = new RootKey('root_test', Buffer.alloc(32, 6));
    await expect(setUp(repository, otherKey).dataKeys.byId(acme, 'dk_1')).rejects.toThrow(corrupt);
  });

  it('are corrupt when gone: the values under them cannot be read any more', async () => {
    await expect(setUp().dataKeys.byId(acme, 'dk_1')).rejects.toThrow(corrupt);
  });

  it('are read once for many that ask together, and again after ten seconds (S16)', async () => {
    const { repository, dataKeys, reads, time } = setUp();
    await dataKeys.current(acme);
    reads.length = 0;
    time.ms += 60_000;
    await Promise.all(Array.from({ length: 10 }, () => dataKeys.byId(acme, 'dk_1')));
    expect(reads).toEqual(['dk_1']);
    await repository.remove({ scope: acme, id: 'dk_1' }, 1);
    await dataKeys.byId(acme, 'dk_1');
    time.ms += 10_000;
    await expect(dataKeys.byId(acme, 'dk_1')).rejects.toThrow(corrupt);
  });
});
