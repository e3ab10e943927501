import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { createMemorySecretStore } from '../../src/adapters/secret-store/memory/memory-secret-store.ts';
import { createSealedStore } from '../../src/adapters/secret-store/sealed/sealed-store.ts';
import { LegacyReader } from '../../src/core/credentials/legacy-reader.ts';
import { withLegacyValues } from '../../src/core/credentials/legacy-store.ts';
import { Catalog } from '../../src/core/catalog/catalog.ts';
import { DataKeys } from '../../src/core/crypto/data-keys.ts';
import { RootKey } from '../../src/core/crypto/root-key.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import type { SecretStore } from '../../src/ports/secret-store.ts';
import { callingSealed, sealedOver } from '../support/sealing-caller.ts';
import { secretStoreContract, suiteDigestKey } from './secret-store-contract.ts';
import { sharedStoreContract } from './shared-store-contract.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

function sealedOn({ sealedValues, dataKeys: repository }: MetadataStore): SecretStore {
  const root = new RootKey('root_contract', randomBytes(32));
  const dataKeys = new DataKeys({ repository, root, bus: createInProcessBus(), clock, random: randomBytes });
  return createSealedStore({ values: sealedValues, dataKeys, clock, random: randomBytes });
}

secretStoreContract({ name: 'in memory', column: 'the fake for unit tests', create: async () => ({ store: createMemorySecretStore() }) });

sharedStoreContract({ name: 'in memory', create: async () => ({ store: createMemorySecretStore() }) });

secretStoreContract({ name: 'sealed, on metadata in memory', create: async () => ({ store: sealedOn(createMemoryStore()) }) });

secretStoreContract({
  name: 'in memory, read through what opens legacy values (R3.4)',
  create: async () => ({ store: withLegacyValues(createMemorySecretStore(), new LegacyReader({ cipher: null, fernetKeys: [], catalog: new Catalog([]) })) }),
});

secretStoreContract({
  name: 'in memory, with values sealed before it gets them (R3.6)',
  create: async () => ({ store: callingSealed(sealedOver(createMemorySecretStore(), { clock, random: randomBytes }), suiteDigestKey) }),
});

secretStoreContract({
  name: 'sealed, on SQLite',
  column: 'encrypted database',
  create: async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-sealed-'));
    const metadata = await openSqliteStore({ file: path.join(folder, 'keyhold.db'), clock });
    return {
      store: sealedOn(metadata),
      close: async () => {
        await metadata.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});
