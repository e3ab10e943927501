import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { metadataStoreContract } from './metadata-store-contract.ts';
import { reopenedStore } from './reopened-store.ts';

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
    return reopenedStore(async () => openSqliteStore({ file: join(folder, 'keyhold.db'), clock: { now: () => Date.now(), monotonic: () => performance.now() } }), () => rmSync(folder, { recursive: true }));
  },
});
