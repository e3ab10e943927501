import { beforeEach, describe, expect, it } from 'vitest';
import { testServices } from '../../../test/support/credential-world.ts';
import legacy from '../../../test/vectors/legacy/legacy-values.json' with { type: 'json' };
import fernet from '../../../test/vectors/legacy/multi-fernet.json' with { type: 'json' };
import { createMemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { PutIntent, SecretName, SecretStore } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { Catalog } from '../catalog/catalog.ts';
import type { LegacyCipher } from '../crypto/legacy/legacy-cipher.ts';
import { LegacyReader } from './legacy-reader.ts';
import { withLegacyValues } from './legacy-store.ts';

const name: SecretName = { scope: tenantScope('acme'), service: 'openai', label: 'default' };
const catalog = new Catalog(Object.values(testServices));
const intent: PutIntent = { id: 'intent-1', version: 1, cas: null, digest: 'digest-1', legacy: 'cipher' };
const cbc = legacy.values.find(({ title }) => title === 'CBC, scrypt, hex')!;
const [token] = fernet.tokens;
const cipher = { key: new SecretValue(legacy.passphrase), cipher: cbc.cipher, kdf: cbc.kdf, encoding: cbc.encoding } as LegacyCipher;
const fernetKeys = fernet.keys.map((key) => new SecretValue(key));
const whole = new LegacyReader({ cipher, fernetKeys, catalog });

let inner: SecretStore;
let store: SecretStore;

beforeEach(() => {
  inner = createMemorySecretStore();
  store = withLegacyValues(inner, whole);
});

const fields = (text: string) => ({ api_key: new SecretValue(text) });
const textOf = async (of: SecretStore, reference: Parameters<SecretStore['get']>[0]) => (await of.get(reference))['api_key']?.reveal();
async function failure(work: Promise<unknown>): Promise<KeyholdError> {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof KeyholdError)) throw new Error('it did not fail as expected');
  return error;
}

describe('R3.4, S18: stores that hold what an earlier system has encrypted', () => {
  it('keep it as it is, mark its reference, and give plaintext to who reads that', async () => {
    const reference = await store.put(name, fields(cbc.value), intent);
    expect(reference).toMatchObject({ legacy: 'cipher' });
    expect(await textOf(inner, reference)).toBe(cbc.value);
    expect(await textOf(store, reference)).toBe(cbc.text);
    expect(await store.probe(name, intent)).toEqual(reference);
  });

  it('read Fernet tokens with any of the keys', async () => {
    const reference = await store.put(name, fields(token!.token), { ...intent, legacy: 'fernet' });
    expect(await textOf(store, reference)).toBe(token!.text);
  });

  it('never try it on a value that is not marked', async () => {
    const { legacy: _mark, ...plain } = intent;
    const reference = await store.put(name, fields(cbc.value), plain);
    expect(reference).not.toHaveProperty('legacy');
    expect(await textOf(store, reference)).toBe(cbc.value);
  });

  it('say one and the same of everything that cannot be read', async () => {
    const openai = whole;
    const twilio: SecretName = { ...name, service: 'twilio' };
    const changed = cbc.value.slice(0, -2) + (cbc.value.endsWith('00') ? '01' : '00');
    const messages = await Promise.all([
      failure(openai.open('cipher', name, fields(changed))),
      failure(openai.open('cipher', name, fields('no legacy value at all'))),
      failure(openai.open('cipher', name, fields(legacy.values[0]!.value))),
      failure(openai.open('fernet', name, fields(`${token!.token.slice(0, -6)}AAAA==`))),
      failure(openai.open('fernet', name, fields(cbc.value))),
      failure(new LegacyReader({ cipher: { ...cipher, key: new SecretValue('fake other') }, fernetKeys, catalog }).open('cipher', twilio, fields(cbc.value))),
    ]);
    expect(new Set(messages.map(({ code }) => code))).toEqual(new Set(['corrupt']));
    expect(new Set(messages.map(({ publicMessage, cause }) => JSON.stringify([publicMessage, cause]))).size).toBe(1);
  });

  it('count an unauthenticated value only when it has the format of its service', async () => {
    const other = legacy.values.find(({ title }) => title === 'CBC, a whole block of padding')!;
    const reader = new LegacyReader({ cipher: { ...cipher, kdf: other.kdf } as LegacyCipher, fernetKeys, catalog });
    expect((await failure(reader.open('cipher', name, fields(other.value)))).code).toBe('corrupt');
    expect((await reader.open('cipher', { ...name, service: 'azure-openai' }, fields(other.value)))['api_key']?.reveal()).toBe(other.text);
    expect([reader.isAuthenticated('cipher'), reader.isAuthenticated('fernet')]).toEqual([false, true]);
    expect(new LegacyReader({ cipher: { ...cipher, cipher: 'aes-256-gcm' }, fernetKeys, catalog }).isAuthenticated('cipher')).toBe(true);
  });

  it.each([['cipher', 'KEYHOLD_LEGACY_KEY'], ['fernet', 'KEYHOLD_FERNET_KEYS']] as const)('without the setting that opens %s, nothing is lost: it is unavailable until %s is set', async (form, setting) => {
    const error = await failure(new LegacyReader({ cipher: null, fernetKeys: [], catalog }).open(form, name, fields(cbc.value)));
    expect([error.code, error.publicMessage]).toEqual(['unavailable', expect.stringContaining(setting)]);
  });

  it('S17: what somebody wrote there since has to be encrypted in the same way', async () => {
    const reference = { ...(await inner.put(name, fields(token!.token), intent)), legacy: 'fernet' as const };
    const outside: SecretStore = { ...inner, kind: inner.kind, newerThan: async (of) => ({ store: of.store, name: of.name, version: '2' }) };
    expect(await withLegacyValues(outside, whole).newerThan?.(reference)).toEqual({ ...reference, version: '2' });
  });
});
