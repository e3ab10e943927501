import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { metadataStoreContract } from './metadata-store-contract.ts';

metadataStoreContract({
  name: 'memory',
  create: async () => {
    const store = createMemoryStore();
    return { store, reopen: undefined, dispose: () => store.close() };
  },
});

metadataStoreContract({
  name: 'SQLite',
  column: 'SQLite',
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyhold-contract-'));
    const open = (): Promise<MetadataStore> => openSqliteStore({ file: join(folder, 'keyhold.db'), clock: { now: () => Date.now(), monotonic: () => performance.now() } });
    const first = await open();
    let store = first;
    return {
      store: first,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
      dispose: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
});
