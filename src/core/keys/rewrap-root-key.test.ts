import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { madeRootKey, MemoryPin, memoryWrapper } from '../../../test/support/root-keys.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { KeyWrapper, RootPin } from '../../ports/key-wrapper.ts';
import { StartError } from '../../ports/start-error.ts';
import { loadOrCreateRootKey, rootRecord, settleWrapping } from '../crypto/root-key-record.ts';
import { rewrapRootKey } from './rewrap-root-key.ts';
import { type KeyStep, keySteps } from './steps.ts';

const clock = { now: () => 7, monotonic: () => 7 };
const died = new Error('died here');

async function world() {
  const { platform } = createMemoryStore();
  const { root, wrapper, pin } = await madeRootKey(platform, clock);
  await platform.create({ name: 'first-start' }, { name: 'first-start', tokenId: 'token', createdAt: 1 });
  const open = async (by: KeyWrapper, pinned: RootPin) => loadOrCreateRootKey({ platform, wrapper: by, pin: pinned, random: randomBytes, clock, mayCreate: false });
  const wipes = { count: 0 };
  const rewrap = (next: KeyWrapper, nextPin: RootPin, { replaces = false, diesAt }: { readonly replaces?: boolean; readonly diesAt?: KeyStep } = {}) =>
    rewrapRootKey({ wrapper: next, pin: nextPin, replaces }, {
      platform,
      root,
      wipe: async () => void (wipes.count += 1),
      clock,
      log: new RecordingLog(),
      step: (step) => {
        if (step === diesAt) throw died;
      },
    });
  const places = async () => (await rootRecord(platform))?.record.wrappings.map(({ place }) => place);
  return { platform, root, wrapper, pin, open, rewrap, places, wipes };
}

describe('S12: another wrapping key', () => {
  it('opens the same root key, beside the old one until a start has used it', async () => {
    const { platform, root, wrapper, pin, open, rewrap, places } = await world();
    const [next, nextPin] = [memoryWrapper('/etc/two.key'), new MemoryPin('two.key.root')];
    await rewrap(next, nextPin);
    expect(await places()).toEqual(['/etc/keyhold.key', '/etc/two.key']);
    expect(nextPin.pinned).toBe(root.commitment());
    const byOld = await open(wrapper, pin);
    expect(byOld.root.commitment()).toBe(root.commitment());
    expect(await settleWrapping(platform, byOld)).toEqual([]);
    const byNew = await open(next, nextPin);
    expect(byNew.root.subkey('x').equals(root.subkey('x'))).toBe(true);
    expect(await settleWrapping(platform, byNew)).toMatchObject([{ place: '/etc/keyhold.key' }]);
    expect(await places()).toEqual(['/etc/two.key']);
    await expect(open(wrapper, pin)).rejects.toThrow(expect.objectContaining({ exitCode: 6 }));
    expect((await open(next, nextPin)).root.commitment()).toBe(root.commitment());
  });

  it.each(keySteps.filter((step) => step.startsWith('rewrap.')))('is given up or there after a death at %s, and the old one opens all the same', async (diesAt) => {
    const { root, wrapper, pin, open, rewrap, places } = await world();
    const [next, nextPin] = [memoryWrapper('/etc/two.key', 'passphrase'), new MemoryPin('two.key.root')];
    await expect(rewrap(next, nextPin, { diesAt })).rejects.toThrow(died);
    expect((await open(wrapper, pin)).root.commitment()).toBe(root.commitment());
    if (diesAt === 'rewrap.kept') expect((await open(next, nextPin)).root.commitment()).toBe(root.commitment());
    else await expect(open(next, nextPin)).rejects.toThrow(expect.objectContaining({ exitCode: 6 }));
    await rewrap(next, nextPin);
    expect(await places()).toEqual(['/etc/keyhold.key', '/etc/two.key']);
    expect((await open(next, nextPin)).root.commitment()).toBe(root.commitment());
  });

  it('takes the place of another one that nobody has used yet', async () => {
    const { wrapper, pin, open, rewrap, places, wipes } = await world();
    await rewrap(memoryWrapper('/etc/two.key'), new MemoryPin());
    expect(wipes.count).toBe(0);
    await rewrap(memoryWrapper('/etc/three.key'), new MemoryPin());
    expect(wipes.count).toBe(1);
    expect(await places()).toEqual(['/etc/keyhold.key', '/etc/three.key']);
    await open(wrapper, pin);
  });

  it('does not keep the old one from opening, whatever a service says of what it did not wrap', async () => {
    const { root, wrapper, pin, open, rewrap } = await world();
    await rewrap(memoryWrapper('/etc/two.key'), new MemoryPin());
    const refusal = new StartError(6, 'What an older version of the key has wrapped is not opened any more.');
    const strict: KeyWrapper = { ...wrapper, unwrap: (wrapped, context) => wrapper.unwrap(wrapped, context).catch(() => Promise.reject(refusal)) };
    expect((await open(strict, pin)).root.commitment()).toBe(root.commitment());
    const moved: KeyWrapper = { ...strict, place: '/mnt/moved.key' };
    expect((await open(moved, pin)).root.commitment()).toBe(root.commitment());
    const forbidden: KeyWrapper = { ...wrapper, unwrap: () => Promise.reject(refusal) };
    await expect(open(forbidden, pin)).rejects.toThrow(refusal);
  });

  it('replaces the old one at once where it is a newer version of the same key', async () => {
    const { root, wrapper, pin, open, rewrap, platform, wipes } = await world();
    const before = (await rootRecord(platform))?.record.wrappings[0]?.wrapped;
    await rewrap(wrapper, pin, { replaces: true });
    const after = (await rootRecord(platform))?.record.wrappings;
    expect(after).toHaveLength(1);
    expect(wipes.count).toBe(1);
    expect(after?.[0]?.wrapped).not.toBe(before);
    expect((await open(wrapper, pin)).root.commitment()).toBe(root.commitment());
  });

  it('changes nothing when it cannot be asked, does not open again, or another root key is pinned there', async () => {
    const { platform, rewrap } = await world();
    const before = await rootRecord(platform);
    const away: KeyWrapper = { ...memoryWrapper('away'), wrap: async () => Promise.reject(new KeyholdError('unavailable', 'It is away.')) };
    await expect(rewrap(away, new MemoryPin())).rejects.toThrow('It is away.');
    const forgetful: KeyWrapper = { ...memoryWrapper('forgetful'), unwrap: async () => Buffer.alloc(32) };
    await expect(rewrap(forgetful, new MemoryPin())).rejects.toThrow(expect.objectContaining({ code: 'internal' }));
    const taken = new MemoryPin();
    taken.pinned = 'f'.repeat(64);
    await expect(rewrap(memoryWrapper('taken'), taken)).rejects.toThrow('another root key is pinned');
    expect(await rootRecord(platform)).toEqual(before);
  });
});
