import { createSecretKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { boundToContext } from '../../adapters/key-wrapper/context-in-plaintext.ts';
import { openPassphrase } from '../../adapters/key-wrapper/passphrase.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import type { KeyWrapper, RootPin } from '../../ports/key-wrapper.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { DataKeys } from './data-keys.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { loadOrCreateRootKey } from './root-key-record.ts';
import { RootKey } from './root-key.ts';
import { openValue, type SealedPlace, sealValue } from './seal.ts';

interface Vectors {
  readonly keyFile: string;
  readonly rootId: string;
  readonly rootCommitment: string;
  readonly wrappedRootKey: string;
  readonly byService: string;
  readonly passphrase: { readonly passphrase: string; readonly line: string; readonly wrappedRootKey: string };
  readonly dataKey: { readonly scope: string; readonly tenant: string; readonly id: string; readonly wrapped: string; readonly commitment: string };
  readonly values: readonly {
    readonly scope: string;
    readonly tenant: string;
    readonly service: string;
    readonly label: string;
    readonly field: string;
    readonly version: number;
    readonly text: string;
    readonly sealed: string;
  }[];
}

const clock = { now: () => 0, monotonic: () => 0 };

async function published(): Promise<Vectors> {
  const page = await readFile(new URL('../../../docs/sealing-format.md', import.meta.url), 'utf8');
  return JSON.parse(/```json\n([^`]*)```/.exec(page)?.[1] ?? '') as Vectors;
}

/** What the vectors were drawn from: each call counts upwards from the next of these bytes. */
function drawing(...firsts: readonly number[]): RandomBytes {
  const left = [...firsts];
  return (count) => {
    const first = left.shift() ?? 0;
    return Buffer.from(Array.from({ length: count }, (_, index) => (first + index) % 256));
  };
}

function scopeOf({ scope, tenant }: { readonly scope: string; readonly tenant: string }): Scope {
  return scope === 'platform' ? platformScope : tenantScope(tenant);
}

function wrapperOf(keyFile: string, random: RandomBytes): KeyWrapper {
  const key = createSecretKey(Buffer.from(keyFile, 'base64'));
  return {
    kind: 'key-file',
    place: 'keyhold.key',
    wrap: async (rootKey, aad) => sealEnvelope({ key, purpose: 'root-key', aad }, rootKey, random),
    unwrap: async (wrapped, aad) => openEnvelope({ key, purpose: 'root-key', aad }, wrapped),
  };
}

class MemoryPin implements RootPin {
  readonly place = 'keyhold.key.root';
  pinned: string | undefined;

  async read(): Promise<string | undefined> {
    return this.pinned;
  }

  async write(commitment: string): Promise<void> {
    this.pinned = commitment;
  }
}

describe('S12, S13: the published vectors of docs/sealing-format.md', () => {
  it('are what is written under the same random bytes', async () => {
    const vectors = await published();
    const { platform, dataKeys: repository } = createMemoryStore();
    const wrapper = wrapperOf(vectors.keyFile, drawing(0x40, 0x60, 0x40, 0x60));
    const pin = new MemoryPin();
    const { root } = await loadOrCreateRootKey({ platform, wrapper, pin, random: drawing(0, 0), clock, mayCreate: true });
    expect(root.id).toBe(vectors.rootId);
    expect(root.commitment()).toBe(vectors.rootCommitment);
    expect(pin.pinned).toBe(vectors.rootCommitment);
    const bound: Buffer[] = [];
    await root.wrappedBy({ ...wrapper, wrap: async (bytes, context) => (bound.push(boundToContext(bytes, context)), wrapper.wrap(bytes, context)) });
    expect(bound[0]?.toString('base64')).toBe(vectors.byService);
    expect((await platform.get({ name: 'root' }))?.record).toMatchObject({ wrappings: [{ kind: 'key-file', wrapped: vectors.wrappedRootKey }], commitment: vectors.rootCommitment });

    const dataKeys = new DataKeys({ repository, root, bus: createInProcessBus(), clock, random: drawing(0x20, 0x70, 0x90) });
    const scope = scopeOf(vectors.dataKey);
    const dataKey = await dataKeys.current(scope);
    expect(dataKey.id).toBe(vectors.dataKey.id);
    expect((await repository.get({ scope, id: 'dk_1' }))?.record.wrapped).toBe(vectors.dataKey.wrapped);
    expect(await dataKeys.commitmentOf(scope, dataKey.id)).toBe(vectors.dataKey.commitment);

    const draws = [
      [0xa0, 0xc0],
      [0x05, 0x55],
    ];
    expect(vectors.values).toHaveLength(draws.length);
    for (const [index, { text, sealed, service, label, field, version, ...owner }] of vectors.values.entries()) {
      const place: SealedPlace = { name: { scope: scopeOf(owner), service, label }, field, version };
      expect(sealValue(dataKey, place, new SecretValue(text), drawing(...(draws[index] ?? [])))).toBe(sealed);
    }
  });

  it('are read from the database and the key file alone', async () => {
    const vectors = await published();
    const { platform, dataKeys: repository } = createMemoryStore();
    await platform.create({ name: 'root' }, { name: 'root', rootId: vectors.rootId, commitment: vectors.rootCommitment, createdAt: 0, wrappings: [{ kind: 'key-file', place: '', wrapped: vectors.wrappedRootKey, madeAt: 0 }] });
    await repository.create({ scope: scopeOf(vectors.dataKey), id: vectors.dataKey.id }, { wrapped: vectors.dataKey.wrapped, rootId: vectors.rootId, createdAt: 0 });
    const { root } = await loadOrCreateRootKey({ platform, wrapper: wrapperOf(vectors.keyFile, drawing()), pin: new MemoryPin(), random: drawing(), clock, mayCreate: false });
    const dataKeys = new DataKeys({ repository, root, bus: createInProcessBus(), clock, random: drawing() });
    for (const { text, sealed, service, label, field, version, ...owner } of vectors.values) {
      const scope = scopeOf(owner);
      const dataKey = await dataKeys.byId(scope, vectors.dataKey.id);
      expect(openValue(dataKey, { name: { scope, service, label }, field, version }, sealed).reveal()).toBe(text);
    }
  });

  it('R0.5 open by the passphrase and its line, too', async () => {
    const { passphrase, rootId, rootCommitment } = await published();
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-vectors-'));
    try {
      const file = join(folder, 'keyhold.key.passphrase');
      await writeFile(file, `${passphrase.line}\n`, { mode: 0o600 });
      const wrapper = await openPassphrase({ passphrase: new SecretValue(passphrase.passphrase), file, mayCreate: false, random: drawing() });
      expect((await RootKey.unwrapped(wrapper, rootId, passphrase.wrappedRootKey)).commitment()).toBe(rootCommitment);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
