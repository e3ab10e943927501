import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MemoryHeads, MemoryKeyStore } from '../../../test/support/audit-custody.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { loadOrCreateAuditKey, lostAuditKey, newOrigin } from './audit-key.ts';
import { openKeptTree } from './audit-heads.ts';
import { createAuditLog } from './audit-writer.ts';
import { changeKey, type OldKeys, publicKeysOf } from './change-key.ts';
import { keptKeys, keptText, verifiersOf } from './kept-keys.ts';
import { keyChangeNotes } from './key-changes.ts';
import { openCheckpoint } from './notes/checkpoint.ts';
import { openKeyChange } from './notes/key-change.ts';
import { newSigningKeyLine } from './notes/signing-key.ts';
import { trustedKeys } from './trusted-keys.ts';

const clock = { now: () => 5, monotonic: () => 5 };
const log = { debug() {}, info() {}, warn() {}, error() {} };
const metrics = { auditFailed() {} } as Partial<Metrics> as Metrics;

function world() {
  const metadata = createMemoryStore();
  const keys = new MemoryKeyStore();
  const heads = new MemoryHeads();
  const dependencies = { keys, platform: metadata.platform, repository: metadata.audit, random: randomBytes, clock };
  const load = () => loadOrCreateAuditKey(dependencies);
  const change = async (old: OldKeys, action: 'audit-key.rotate' | 'audit-log.accept-restored' = 'audit-key.rotate') => {
    const tree = await openKeptTree({ repository: metadata.audit, known: publicKeysOf(old), heads, log });
    const audit = createAuditLog({ repository: metadata.audit, tree, clock, random: randomBytes, replica: 'r', log, metrics });
    const origin = action === 'audit-key.rotate' ? publicKeysOf(old)[0].name : newOrigin(randomBytes);
    return changeKey(old, action, origin, { keys, heads, platform: metadata.platform, audit, tree, random: randomBytes, clock });
  };
  return { metadata, keys, heads, dependencies, load, change };
}

describe('the audit log\'s key (S15, S30)', () => {
  it('is made once, outside the database, which keeps its public half alone', async () => {
    const { metadata, keys, load } = world();
    const { current, former } = await load();
    expect(former).toEqual([]);
    expect(current.verifier.name).toMatch(/^keyhold\/[0-9a-f]{16}$/);
    expect(keys.present?.reveal()).toMatch(/^PRIVATE\+KEY\+keyhold\/[0-9a-f]{16}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n$/);
    const record = JSON.stringify(await metadata.platform.get({ name: 'audit-log' }));
    expect(record).toContain(current.verifier.publicKey.toString('base64'));
    expect(record).not.toContain(keys.present?.reveal().trim().split('+').slice(4).join('+'));
    expect(String((await load()).current.verifier)).toBe(String(current.verifier));
  });

  it('is not made anew where the log had one, nor taken from another log', async () => {
    const { keys, load } = world();
    await load();
    const kept = keys.present;
    keys.present = undefined;
    await expect(load()).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('missing') });
    keys.present = keptText(newSigningKeyLine('keyhold/another', randomBytes), []);
    await expect(load()).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('another audit log') });
    keys.present = new SecretValue('nonsense');
    await expect(load()).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('does not hold') });
    await expect(load()).rejects.not.toMatchObject({ message: expect.stringContaining('nonsense') });
    keys.present = kept;
    await load();
  });

  it('is taken over by a second replica, and by a database that is still empty', async () => {
    const first = world();
    const { current } = await first.load();
    const second = world();
    second.keys.present = first.keys.present;
    expect(String((await second.load()).current.verifier)).toBe(String(current.verifier));
  });
});

describe('another key (S30)', () => {
  it('is announced in a row that both have signed; the old public one stays known', async () => {
    const { metadata, heads, load, change } = world();
    const old = await load();
    const next = await change(old);
    const now = await load();
    expect(String(now.current.verifier)).toBe(String(next.verifier));
    expect(now.former.map(String)).toEqual([String(old.current.verifier)]);
    expect(next.verifier.name).toBe(old.current.verifier.name);
    const [note] = await keyChangeNotes(metadata.audit);
    expect(openKeyChange(note ?? '')).toMatchObject({ from: old.current.verifier, to: next.verifier });
    expect((await metadata.audit.read(null, 0, 10)).map(({ phase, action, note: kept }) => [phase, action, kept === undefined])).toEqual([['intent', 'audit-key.rotate', false], ['outcome', 'audit-key.rotate', true]]);
    expect(openCheckpoint(heads.kept.at(-1) ?? '', [next.verifier])).toMatchObject({ size: 2 });
    const third = await change(now);
    for (const given of [old.current.verifier, next.verifier, third.verifier]) {
      expect(trustedKeys([given], await keyChangeNotes(metadata.audit))?.all.map(String).toSorted()).toEqual([old.current.verifier, next.verifier, third.verifier].map(String).toSorted());
      expect(trustedKeys([given.named(`${given.name}/tenants/acme`)], await keyChangeNotes(metadata.audit))?.all).toHaveLength(3);
    }
    expect(verifiersOf(await load())).toHaveLength(3);
  });

  it.each(['putNext', 'intent', 'useNext', 'record', 'outcome', 'head'])('has come or has not, when the process is killed at %s, and what has come is in the log', async (step) => {
    const { metadata, keys, heads, load, change } = world();
    const old = await load();
    const dying = async (): Promise<never> => {
      throw new Error('killed');
    };
    const append = metadata.audit.append.bind(metadata.audit);
    let appends = 0;
    if (step === 'putNext') keys.putNext = dying;
    if (step === 'useNext') keys.useNext = dying;
    if (step === 'record') metadata.platform.replace = dying;
    if (step === 'head') heads.keep = dying;
    if (step === 'intent' || step === 'outcome') {
      metadata.audit.append = (position, leaves) => {
        appends += 1;
        return appends > (step === 'intent' ? 0 : 1) ? new Promise<never>(() => {}) : append(position, leaves);
      };
    }
    await Promise.race([change(old).catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 50))]);
    metadata.audit.append = append;
    const store = Object.getPrototypeOf(keys) as MemoryKeyStore;
    keys.putNext = store.putNext.bind(keys);
    keys.useNext = store.useNext.bind(keys);
    heads.keep = (Object.getPrototypeOf(heads) as MemoryHeads).keep.bind(heads);
    metadata.platform.replace = Object.getPrototypeOf(metadata.platform).replace.bind(metadata.platform);
    const now = await load();
    const announced = (await keyChangeNotes(metadata.audit)).length === 1;
    expect(announced).toBe(!['putNext', 'intent'].includes(step));
    expect(String(now.current.verifier) !== String(old.current.verifier)).toBe(announced);
    expect(keys.next).toBeUndefined();
    // It can be used, and changed again.
    await change(now);
    expect((await load()).former.map(String)).toContain(String(now.current.verifier));
  });

  it('of a lost one is signed by itself alone, and nobody has to believe it', async () => {
    const { metadata, keys, dependencies, load, change } = world();
    const old = await load();
    await expect(lostAuditKey(dependencies)).rejects.toMatchObject({ exitCode: 6, message: expect.stringContaining('not lost') });
    keys.present = undefined;
    const lost = await lostAuditKey(dependencies);
    expect(String(lost.current)).toBe(String(old.current.verifier));
    const next = await change(lost);
    expect(String((await load()).current.verifier)).toBe(String(next.verifier));
    const [note] = await keyChangeNotes(metadata.audit);
    expect(openKeyChange(note ?? '')).toBeUndefined();
    expect(trustedKeys([old.current.verifier], [note ?? ''])).toBeUndefined();
    // Changes before and after it are still believed by who knows a key on their side.
    const third = await change(await load());
    const both = (await keyChangeNotes(metadata.audit)).filter((other) => other !== note);
    expect(trustedKeys([next.verifier], both)?.all.map(String)).toEqual([String(next.verifier), String(third.verifier)]);
    expect(trustedKeys([old.current.verifier], both)?.all).toHaveLength(1);
  });

  it('comes with a new name when a restored log is accepted', async () => {
    const { load, change } = world();
    const old = await load();
    const next = await change(old, 'audit-log.accept-restored');
    expect(next.verifier.name).not.toBe(old.current.verifier.name);
    expect(String((await load()).current.verifier)).toBe(String(next.verifier));
  });

  it('is kept with the latest former ones, in order', () => {
    const line = newSigningKeyLine('a/b', randomBytes);
    const former = Array.from({ length: 30 }, () => keptKeys(keptText(newSigningKeyLine('a/b', randomBytes), []))).flatMap((keys) => keys?.current.verifier ?? []);
    const text = keptText(line, former);
    expect(text.reveal().length).toBeLessThan(4096);
    expect(keptKeys(text)?.former.map(String)).toEqual(former.slice(0, 20).map(String));
    for (const bad of ['', 'x', `${line.reveal()}\nx\n`, `\n${line.reveal()}`, `${line.reveal()}\n\n`]) expect(keptKeys(new SecretValue(bad))).toBeUndefined();
  });
});
