import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import type { Page } from '../../src/ports/metadata/stored.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import type { FoundSecret, SecretName, SecretReference, SecretStore } from '../../src/ports/secret-store.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';

interface SharedStoreUnderTest {
  readonly store: SecretStore;
  close?(): Promise<void>;
}

type SharedStore = SecretStore & Required<Pick<SecretStore, 'newest' | 'place' | 'found'>>;

function isShared(store: SecretStore): store is SharedStore {
  return store.newest !== undefined && store.place !== undefined && store.found !== undefined;
}

const digestKey = Buffer.alloc(32, 1);

function nameIn(tenant: string, service = 'openai', label = 'default'): SecretName {
  return { scope: tenantScope(tenant), service, label };
}

/** What a store promises in which others keep secrets, too (R6.3). It runs unchanged on each of them, and on the in-memory fake. */
export function sharedStoreContract({ name, create }: { readonly name: string; readonly create: () => Promise<SharedStoreUnderTest> }): void {
  describe(`secret store that others use, too: ${name}`, () => {
    let underTest: SharedStoreUnderTest | undefined;
    let store: SharedStore;
    const tenant = `t-${randomBytes(6).toString('hex')}`;

    beforeAll(async () => {
      underTest = await create();
      if (!isShared(underTest.store)) throw new Error('it is no such store');
      store = underTest.store;
    });
    afterAll(async () => {
      await underTest?.close?.();
    });

    async function put(secretName: SecretName, version = 1, base: SecretReference | null = null): Promise<SecretReference> {
      const fields = { api_key: new SecretValue(`sk-test-shared-000${version}`) };
      return store.put(secretName, fields, { id: randomBytes(12).toString('hex'), version, cas: base?.version ?? null, digest: fieldsDigest(digestKey, fields) });
    }

    it('R6.3 the newest version is what every reader of the name gets', async () => {
      const secretName = nameIn(tenant, 'groq');
      expect(await store.newest(secretName)).toBeUndefined();
      const first = await put(secretName);
      expect(await store.newest(secretName)).toEqual(first);
      const second = await put(secretName, 2, first);
      expect(await store.newest(secretName)).toEqual(second);
      await store.remove(second);
      expect(await store.newest(secretName)).toBeUndefined();
    });

    it('R6.3 what lies there is found by its names, page by page, each once', async () => {
      const names = [nameIn(tenant), nameIn(tenant, 'openai', 'eu'), nameIn(tenant, 'openai-x'), nameIn(`${tenant}-b`), nameIn(`${tenant}.c`, 'twilio', 'us'), { ...nameIn(tenant, `s-${tenant}`), scope: platformScope }];
      for (const secretName of names) await put(secretName);
      const found: FoundSecret[] = [];
      let after: string | undefined;
      do {
        const page: Page<FoundSecret> = await store.found({ limit: 2, after });
        expect(page.items.length).toBeLessThanOrEqual(2);
        found.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      const ours = found.filter(({ place }) => names.some((secretName) => store.place(secretName) === place));
      expect(ours.map(({ place }) => place)).toEqual(names.map((secretName) => store.place(secretName)).toSorted());
      for (const { place, name: secretName } of ours) expect(secretName !== null && store.place(secretName)).toBe(place);
    });
  });
}
