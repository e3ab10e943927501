import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { kindOf, type PutIntent, type SecretName, type SecretReference, type SecretStore } from '../../src/ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../src/ports/secret-value.ts';
import { secretStoreTable, StoreTable } from './store-table.ts';

interface SecretStoreUnderTest {
  readonly store: SecretStore;
  close?(): Promise<void>;
}

export interface SecretStoreContract {
  readonly name: string;
  /** Called once for the suite; the tests use names of their own. */
  readonly create: () => Promise<SecretStoreUnderTest>;
  /** The column of docs/stores.md that this run is for; left out where it is for none. */
  readonly column?: (typeof secretStoreTable.columns)[number];
  /** Characters that a value can have, where sealing it first leaves room for fewer than every store takes. */
  readonly longest?: number;
}

/** A rule about what a store cannot do, as its `capabilities` say: there is nothing to try, and the table says why. */
class NotPossible extends Error {}

/** With which the suite makes its intents. */
export const suiteDigestKey = Buffer.alloc(32, 1);
const notFound = expect.objectContaining({ code: 'not_found' });
const conflict = expect.objectContaining({ code: 'conflict' });

function nameIn(tenant: string, service = 'openai', label = 'default'): SecretName {
  return { scope: tenantScope(tenant), service, label };
}

/** A name that no other test, and no earlier run on the same server, uses. */
function newName(): SecretName {
  return nameIn(`t-${randomBytes(6).toString('hex')}`);
}

function secret(text: string, field = 'api_key'): SecretFields {
  return { [field]: new SecretValue(text) };
}

/** A new attempt to write a version that builds on another one. */
function intend(version: number, fields: SecretFields, base: SecretReference | null): PutIntent {
  return { id: randomBytes(12).toString('hex'), version, cas: base?.version ?? null, digest: fieldsDigest(suiteDigestKey, fields) };
}

function revealed(fields: SecretFields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, value.reveal()]));
}

/**
 * What every secret store promises (the port's comments), error codes included. It runs unchanged on every adapter, against real
 * servers, and on the in-memory fake; what differs is named by `capabilities`.
 */
export function secretStoreContract({ name, create, column, longest = 25_000 }: SecretStoreContract): void {
  const table = column === undefined ? undefined : new StoreTable(secretStoreTable, column);

  function test(title: string, run: (store: SecretStore) => Promise<void>): void {
    table?.rule(title);
    it(title, async () => {
      try {
        await run(current().store);
      } catch (error) {
        if (!(error instanceof NotPossible)) throw error;
        table?.notPossible(title, error.message);
        return;
      }
      table?.possible(title);
    });
  }

  let underTest: SecretStoreUnderTest | undefined;

  function current(): SecretStoreUnderTest {
    if (underTest === undefined) throw new Error('the store has not been created');
    return underTest;
  }

  async function put(store: SecretStore, secretName: SecretName, version: number, text: string, base: SecretReference | null = null): Promise<SecretReference> {
    const fields = secret(text);
    return store.put(secretName, fields, intend(version, fields, base));
  }

  describe(`secret store: ${name}`, () => {
    beforeAll(async () => {
      underTest = await create();
    });

    afterAll(async () => {
      await underTest?.close?.();
    });

    describe('put and get', () => {
      test('gives back what was put, under a reference that names the store and the secret', async (store) => {
        const secretName = newName();
        const reference = await put(store, secretName, 1, 'sk-test-contract-0001');
        expect(kindOf(reference.store)).toBe(store.kind);
        expect(reference.name).toEqual(secretName);
        expect(reference.version).not.toBe('');
        expect(revealed(await store.get(reference))).toEqual({ api_key: 'sk-test-contract-0001' });
        expect(JSON.stringify(reference)).not.toContain('sk-test');
      });

      test('keeps all fields of a version together (R3.1)', async (store) => {
        const secretName = newName();
        const fields = { account_sid: new SecretValue('AC-test-sid'), auth_token: new SecretValue('tok-test-one'), 'odd.name-2': new SecretValue('{"json":true}') };
        const reference = await store.put(secretName, fields, intend(1, fields, null));
        expect(revealed(await store.get(reference))).toEqual(revealed(fields));
      });

      test('keeps every character that a key may have (S5)', async (store) => {
        const text = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index)).join('');
        const several = { api_key: new SecretValue(text), other: new SecretValue(text.split('').reverse().join('')) };
        expect(revealed(await store.get(await put(store, newName(), 1, text)))).toEqual({ api_key: text });
        expect(revealed(await store.get(await store.put(newName(), several, intend(1, several, null))))).toEqual(revealed(several));
      });

      test(`keeps a value of ${longest.toLocaleString('en')} characters`, async (store) => {
        const text = randomBytes(longest / 2).toString('hex');
        expect(revealed(await store.get(await put(store, newName(), 1, text)))).toEqual({ api_key: text });
      });

      test('never takes one name for another (R1.3)', async (store) => {
        const id = `t-${randomBytes(6).toString('hex')}`;
        const platform = (service: string, label: string): SecretName => ({ scope: platformScope, service, label });
        const names = [
          nameIn(id),
          nameIn(id, 'openai', 'Default'),
          nameIn(id, 'openai', 'eu'),
          nameIn(id, 'openai', 'EU'),
          nameIn(id, 'openai', 'e-u'),
          nameIn(id, 'openai-eu'),
          nameIn(`${id}-openai`, 'eu'),
          nameIn(`${id}.openai`, 'eu'),
          nameIn(`${id}_openai`, 'eu'),
          platform('openai', id),
          platform(`openai-${id}`, 'default'),
          nameIn('platform', 'openai', id),
          nameIn('system', 'openai', id),
        ];
        const references = await Promise.all(names.map((each, index) => put(store, each, 1, `sk-test-name-${index}`)));
        const values = await Promise.all(references.map(async (reference) => revealed(await store.get(reference))));
        expect(values).toEqual(names.map((_, index) => ({ api_key: `sk-test-name-${index}` })));
      });

      test('keeps the version before, under its own reference', async (store) => {
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-version-1');
        const second = await put(store, secretName, 2, 'sk-test-version-2', first);
        expect(second.version).not.toBe(first.version);
        expect(revealed(await store.get(first))).toEqual({ api_key: 'sk-test-version-1' });
        expect(revealed(await store.get(second))).toEqual({ api_key: 'sk-test-version-2' });
      });

      test('says not_found for what was never put', async (store) => {
        const secretName = newName();
        const reference = await put(store, secretName, 1, 'sk-test-present-1');
        await expect(store.get({ ...reference, name: { ...secretName, label: 'other' } })).rejects.toThrow(notFound);
        await expect(store.get({ ...reference, name: { ...secretName, service: 'anthropic' } })).rejects.toThrow(notFound);
        await expect(store.get({ ...reference, name: { ...secretName, scope: platformScope, label: randomBytes(6).toString('hex') } })).rejects.toThrow(notFound);
      });
    });

    describe('intents', () => {
      test('repeating a put of one intent gives one reference', async (store) => {
        const secretName = newName();
        const fields = secret('sk-test-repeat-01');
        const intent = intend(1, fields, null);
        const reference = await store.put(secretName, fields, intent);
        expect(await store.put(secretName, fields, intent)).toEqual(reference);
        expect(revealed(await store.get(reference))).toEqual({ api_key: 'sk-test-repeat-01' });
      });

      test('puts of one intent at the same time give one reference', async (store) => {
        const secretName = newName();
        const fields = secret('sk-test-together-1');
        const intent = intend(1, fields, null);
        const references = await Promise.all(Array.from({ length: 5 }, () => store.put(secretName, fields, intent)));
        for (const reference of references) expect(reference).toEqual(references[0]);
      });

      test('refuses a second write that builds on the same version, and keeps the first', async (store) => {
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-base-0001');
        await expect(put(store, secretName, 1, 'sk-test-loser-001')).rejects.toThrow(conflict);
        const second = await put(store, secretName, 2, 'sk-test-winner-02', first);
        await expect(put(store, secretName, 2, 'sk-test-loser-002', first)).rejects.toThrow(conflict);
        expect(revealed(await store.get(second))).toEqual({ api_key: 'sk-test-winner-02' });
      });

      test('of writers that build on the same version at the same time, one wins', async (store) => {
        const secretName = newName();
        const base = await put(store, secretName, 1, 'sk-test-base-0002');
        const texts = Array.from({ length: 6 }, (_, index) => `sk-test-racer-${index}`);
        const results = await Promise.allSettled(texts.map((text) => put(store, secretName, 2, text, base)));
        const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [{ reference: result.value, text: texts[index] }] : []));
        expect(winners).toHaveLength(1);
        expect(revealed(await store.get(winners[0]!.reference))).toEqual({ api_key: winners[0]!.text });
        for (const result of results) if (result.status === 'rejected') expect(result.reason).toEqual(conflict);
      });

      test('an error never shows a value', async (store) => {
        const secretName = newName();
        await put(store, secretName, 1, 'sk-test-kept-0001');
        const error: unknown = await put(store, secretName, 1, 'sk-test-refused-1').catch((caught: unknown) => caught);
        expect(error).toEqual(conflict);
        expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('sk-test-');
      });

      test('a probe proves the put of its intent, and of no other', async (store) => {
        const secretName = newName();
        const fields = secret('sk-test-probe-001');
        const intent = intend(1, fields, null);
        const reference = await store.put(secretName, fields, intent);
        expect(await store.probe(secretName, intent)).toEqual(reference);
        expect(await store.probe(secretName, { ...intent, id: 'another', digest: fieldsDigest(suiteDigestKey, secret('sk-test-probe-002')) })).toBeUndefined();
        expect(await store.probe({ ...secretName, label: 'other' }, intent)).toBeUndefined();
        expect(await store.probe(secretName, intend(2, fields, reference))).toBeUndefined();
        expect(await store.probe(secretName, intent)).toEqual(reference);
      });

      test('a probe finds nothing where nothing was put', async (store) => {
        const secretName = newName();
        expect(await store.probe(secretName, intend(1, secret('sk-test-never-001'), null))).toBeUndefined();
        const first = await put(store, secretName, 2, 'sk-test-later-001');
        expect(await store.probe(secretName, intend(3, secret('sk-test-never-003'), first))).toBeUndefined();
        expect(revealed(await store.get(first))).toEqual({ api_key: 'sk-test-later-001' });
      });

      test('a put that comes after its intent was given up and another was written does not win', async (store) => {
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-given-001');
        const late = secret('sk-test-given-002');
        const given = intend(2, late, first);
        expect(await store.probe(secretName, given)).toBeUndefined();
        const next = await put(store, secretName, 3, 'sk-test-given-003', first);
        await expect(store.put(secretName, late, given)).rejects.toThrow(conflict);
        expect(await store.probe(secretName, given)).toBeUndefined();
        expect(revealed(await store.get(next))).toEqual({ api_key: 'sk-test-given-003' });
        expect(revealed(await store.get(first))).toEqual({ api_key: 'sk-test-given-001' });
      });

      test('a put that was given up cannot arrive, or is taken back when it has', async (store) => {
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-late-0001');
        const late = secret('sk-test-late-0002');
        const given = intend(2, late, first);
        expect(await store.probe(secretName, given)).toBeUndefined();
        const moved = await store.giveUp?.(secretName, given);
        // What else a reference says belongs to the value, and stays with it where it moves.
        const live = { ...first, version: moved?.version ?? first.version };
        const arrived = await store.put(secretName, late, given).catch((error: unknown) => {
          expect(error).toEqual(conflict);
          return undefined;
        });
        if (arrived !== undefined) {
          const trace = store.traceOf?.(secretName, given);
          expect(trace).toBeDefined();
          await store.destroy(trace!);
          await store.destroy(trace!);
          await expect(store.get(arrived)).rejects.toThrow(notFound);
        }
        expect(revealed(await store.get(live))).toEqual({ api_key: 'sk-test-late-0001' });
        // Whoever reads the newest version finds the live value.
        const newest = await store.newestBase?.(secretName);
        if (newest !== undefined && newest !== null && store.kind !== 'sealed') expect(revealed(await store.get({ ...first, version: newest }))).toEqual({ api_key: 'sk-test-late-0001' });
        expect(await store.newerThan?.(live)).toBeUndefined();
        const next = await put(store, secretName, 3, 'sk-test-late-0003', live);
        expect(revealed(await store.get(next))).toEqual({ api_key: 'sk-test-late-0003' });
      });
    });

    describe('remove, restore, destroy', () => {
      test('a removed version is gone for every reader, and comes back as it was (R3.7)', async (store) => {
        const reference = await put(store, newName(), 1, 'sk-test-remove-01');
        await store.remove(reference);
        await expect(store.get(reference)).rejects.toThrow(notFound);
        await store.remove(reference);
        await expect(store.get(reference)).rejects.toThrow(notFound);
        await store.restore(reference);
        expect(revealed(await store.get(reference))).toEqual({ api_key: 'sk-test-remove-01' });
        await store.restore(reference);
        expect(revealed(await store.get(reference))).toEqual({ api_key: 'sk-test-remove-01' });
      });

      test('the next version can be put on a removed one', async (store) => {
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-again-001');
        await store.remove(first);
        const second = await put(store, secretName, 2, 'sk-test-again-002', first);
        expect(revealed(await store.get(second))).toEqual({ api_key: 'sk-test-again-002' });
        await expect(store.get(first)).rejects.toThrow(notFound);
      });

      test('removing or destroying one version leaves the other alone', async (store) => {
        if (!store.capabilities.destroyVersion) throw new NotPossible('it deletes whole names, and can only switch one version off');
        const secretName = newName();
        const first = await put(store, secretName, 1, 'sk-test-apart-001');
        const second = await put(store, secretName, 2, 'sk-test-apart-002', first);
        await store.remove(first);
        expect(revealed(await store.get(second))).toEqual({ api_key: 'sk-test-apart-002' });
        await store.destroy(first);
        expect(revealed(await store.get(second))).toEqual({ api_key: 'sk-test-apart-002' });
      });

      test('a destroyed version is gone for good', async (store) => {
        const reference = await put(store, newName(), 1, 'sk-test-destroy-1');
        await store.destroy(reference);
        await expect(store.get(reference)).rejects.toThrow(notFound);
        await store.destroy(reference);
        if (store.capabilities.destroyVersion) await expect(store.restore(reference)).rejects.toThrow(notFound);
        await store.remove(reference);
        await expect(store.get(reference)).rejects.toThrow(notFound);
      });

      test('a removed version can be destroyed', async (store) => {
        const reference = await put(store, newName(), 1, 'sk-test-destroy-2');
        await store.remove(reference);
        await store.destroy(reference);
        if (store.capabilities.destroyVersion) await expect(store.restore(reference)).rejects.toThrow(notFound);
        await expect(store.get(reference)).rejects.toThrow(notFound);
      });

      test('what is absent can be removed and destroyed, not restored', async (store) => {
        const reference = await put(store, newName(), 1, 'sk-test-absent-01');
        const absent = { ...reference, name: newName() };
        await store.remove(absent);
        await store.destroy(absent);
        await expect(store.restore(absent)).rejects.toThrow(notFound);
      });

      test('removals and restorations at the same time end in one of both', async (store) => {
        const reference = await put(store, newName(), 1, 'sk-test-storm-001');
        await Promise.all(Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? store.remove(reference) : store.restore(reference))));
        await store.remove(reference);
        await expect(store.get(reference)).rejects.toThrow(notFound);
        await store.restore(reference);
        expect(revealed(await store.get(reference))).toEqual({ api_key: 'sk-test-storm-001' });
      });

      test('a destruction wins over everything at the same time', async (store) => {
        if (!store.capabilities.destroyVersion) throw new NotPossible('it deletes whole names, and can only switch one version off');
        const reference = await put(store, newName(), 1, 'sk-test-storm-002');
        const others = [store.remove(reference), store.destroy(reference), store.restore(reference), store.destroy(reference)];
        for (const result of await Promise.allSettled(others)) if (result.status === 'rejected') expect(result.reason).toEqual(notFound);
        await expect(store.get(reference)).rejects.toThrow(notFound);
        await expect(store.restore(reference)).rejects.toThrow(notFound);
      });
    });

    test('its health is a round trip', async (store) => {
      const { connected, latencyMs } = await store.health();
      expect(connected).toBe(true);
      expect(latencyMs).toBeGreaterThanOrEqual(0);
    });

    table?.check();
  });
}
