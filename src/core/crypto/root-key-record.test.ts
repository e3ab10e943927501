import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper, RootPin } from '../../ports/key-wrapper.ts';
import type { PlatformRepository } from '../../ports/metadata/sealed.ts';
import type { StartError } from '../../ports/start-error.ts';
import { loadOrCreateRootKey, rootKeyMayBeMade } from './root-key-record.ts';
import type { RootKey } from './root-key.ts';

const clock = { now: () => 1, monotonic: () => 1 };

/** Keeps the contexts it was asked to bind to; `pinned` is what stands outside the database. */
class PlainWrapper implements KeyWrapper, RootPin {
  readonly kind = 'key-file';
  readonly place = '/etc/keyhold.key';
  pinned: string | undefined;
  failPin = false;

  async wrap(rootKey: Buffer, context: Buffer): Promise<Buffer> {
    return Buffer.concat([rootKey, context]);
  }

  async unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer> {
    if (!wrapped.subarray(32).equals(context)) throw new KeyholdError('corrupt', 'Wrapped for another context.');
    return Buffer.from(wrapped.subarray(0, 32));
  }

  async read(): Promise<string | undefined> {
    return this.pinned;
  }

  async write(commitment: string): Promise<void> {
    if (this.failPin) throw new Error('died before the pin');
    this.pinned = commitment;
  }
}

async function load(platform: PlatformRepository, wrapper: PlainWrapper, mayCreate: boolean): Promise<RootKey> {
  return (await loadOrCreateRootKey({ platform, wrapper, pin: wrapper, random: randomBytes, clock, mayCreate })).root;
}

async function finishFirstStart(platform: PlatformRepository): Promise<void> {
  await platform.create({ name: 'first-start' }, { name: 'first-start', tokenId: 'token', createdAt: 1 });
}

async function started() {
  const { platform } = createMemoryStore();
  const wrapper = new PlainWrapper();
  const root = await load(platform, wrapper, true);
  await finishFirstStart(platform);
  return { platform, wrapper, root };
}

async function changeRoot(platform: PlatformRepository, change: { readonly rootId?: string; readonly wrapped?: string; readonly commitment?: string }): Promise<void> {
  const stored = await platform.get({ name: 'root' });
  if (stored?.record.name !== 'root') throw new Error('no root key is kept');
  const { wrapped, ...others } = change;
  const wrappings = stored.record.wrappings.map((wrapping) => ({ ...wrapping, wrapped: wrapped ?? wrapping.wrapped }));
  await platform.replace({ name: 'root' }, { ...stored.record, ...others, wrappings }, stored.revision);
}

function refusal(message: RegExp): unknown {
  return expect.objectContaining({ exitCode: 6, message: expect.stringMatching(message) } satisfies { exitCode: StartError['exitCode']; message: unknown });
}

describe('S12: the root key', () => {
  it('is made once, and is the same at the next start', async () => {
    const { platform, wrapper, root } = await started();
    const again = await load(platform, wrapper, false);
    expect(again.id).toMatch(/^root_[0-9a-f]{16}$/);
    expect(again.commitment()).toBe(root.commitment());
    expect(wrapper.pinned).toBe(root.commitment());
    expect(again.subkey('data-keys').equals(root.subkey('data-keys'))).toBe(true);
  });

  it('gives each purpose a key of its own, none of them the commitment', async () => {
    const { root } = await started();
    const keys = ['data-keys', 'audit', 'backup', ''].map((purpose) => root.subkey(purpose).toString('hex'));
    expect(new Set([...keys, root.commitment()]).size).toBe(5);
    expect(keys.every((key) => key.length === 64)).toBe(true);
  });

  it('is one key for replicas that start together', async () => {
    const { platform } = createMemoryStore();
    const wrapper = new PlainWrapper();
    const roots = await Promise.all(Array.from({ length: 5 }, () => load(platform, wrapper, true)));
    expect(new Set(roots.map((root) => root.commitment())).size).toBe(1);
    expect(wrapper.pinned).toBe(roots[0]?.commitment());
  });

  it('refuses to start when the pinned commitment is another', async () => {
    const { platform, wrapper } = await started();
    wrapper.pinned = 'ab'.repeat(32);
    await expect(load(platform, wrapper, false)).rejects.toThrow(refusal(/do not belong together.*KEYHOLD_KEY_FILE/));
    wrapper.pinned = 'short';
    await expect(load(platform, wrapper, false)).rejects.toThrow(refusal(/do not belong together/));
  });

  it('refuses to start when anything in the record was changed', async () => {
    const another = await (await started()).platform.get({ name: 'root' });
    if (another?.record.name !== 'root') throw new Error('no root key is kept');
    const { rootId, wrappings, commitment } = another.record;
    const wrapped = wrappings[0]?.wrapped ?? '';
    for (const change of [{ rootId }, { wrapped }, { commitment }, { rootId, wrapped }, { rootId, wrapped, commitment }, { wrapped: 'no base64' }, { wrapped: '' }]) {
      const { platform, wrapper } = await started();
      await changeRoot(platform, change);
      await expect(load(platform, wrapper, true), Object.keys(change).join()).rejects.toThrow(refusal(/do not belong together/));
    }
  });

  it('does not take a wrapper that cannot be asked for a wrong key', async () => {
    const { platform, wrapper } = await started();
    wrapper.unwrap = async () => Promise.reject(new KeyholdError('unavailable', 'The key service does not answer.'));
    await expect(load(platform, wrapper, false)).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
  });

  it('is not made for a database that is in use', async () => {
    const { platform } = createMemoryStore();
    await finishFirstStart(platform);
    await expect(load(platform, new PlainWrapper(), true)).rejects.toThrow(refusal(/root key is missing.*backup/));
    expect(await platform.get({ name: 'root' })).toBeUndefined();
  });

  it('is not made where the caller only looks', async () => {
    const { platform } = createMemoryStore();
    await expect(load(platform, new PlainWrapper(), false)).rejects.toThrow(refusal(/root key is missing/));
    expect(await platform.get({ name: 'root' })).toBeUndefined();
  });

  it('is not made for an empty database when another one is pinned', async () => {
    const { wrapper } = await started();
    const { platform } = createMemoryStore();
    await expect(load(platform, wrapper, true)).rejects.toThrow(refusal(/belongs to another database/));
    expect(await platform.get({ name: 'root' })).toBeUndefined();
  });

  it('is not pinned anew once the first start is over, and the message says how to', async () => {
    const { platform, wrapper, root } = await started();
    wrapper.pinned = undefined;
    await expect(load(platform, wrapper, true)).rejects.toThrow(refusal(new RegExp(`missing.*${root.commitment()}`)));
    expect(wrapper.pinned).toBeUndefined();
  });
});

describe('R0.1: a first start that died', () => {
  it('before it kept the root key, is begun again', async () => {
    const { platform } = createMemoryStore();
    const wrapper = new PlainWrapper();
    wrapper.wrap = async () => Promise.reject(new Error('died'));
    await expect(load(platform, wrapper, true)).rejects.toThrow('died');
    expect(await rootKeyMayBeMade(platform)).toBe(true);
    expect((await load(platform, new PlainWrapper(), true)).id).toMatch(/^root_/);
  });

  it('between keeping and pinning the root key, is completed', async () => {
    const { platform } = createMemoryStore();
    const wrapper = new PlainWrapper();
    wrapper.failPin = true;
    await expect(load(platform, wrapper, true)).rejects.toThrow('died before the pin');
    wrapper.failPin = false;
    expect(await rootKeyMayBeMade(platform)).toBe(false);
    const root = await load(platform, wrapper, false);
    expect(wrapper.pinned).toBe(root.commitment());
  });

  it('is over once it is decided which token is the first administrator’s', async () => {
    const { platform } = createMemoryStore();
    expect(await rootKeyMayBeMade(platform)).toBe(true);
    await platform.create({ name: 'first-start' }, { name: 'first-start', tokenId: 'token', createdAt: 1 });
    expect(await rootKeyMayBeMade(platform)).toBe(false);
  });
});
