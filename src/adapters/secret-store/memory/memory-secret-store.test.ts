import { describe, expect, it } from 'vitest';
import { KeyholdError } from '../../../ports/errors.ts';
import { platformScope } from '../../../ports/scope.ts';
import { SecretValue } from '../../../ports/secret-value.ts';
import { createMemorySecretStore } from './memory-secret-store.ts';

const name = { scope: platformScope, service: 'openai', label: 'default' };
const fields = { api_key: new SecretValue('sk-test-memory-0001') };
const intent = { id: 'intent', version: 1, cas: null, digest: 'digest' };
const down = new KeyholdError('unavailable', 'The store does not answer.');

describe('the secret store in memory', () => {
  it('fails as often as it is told, and does nothing meanwhile', async () => {
    const store = createMemorySecretStore();
    store.failNext(2, down);
    await expect(store.put(name, fields, intent)).rejects.toBe(down);
    await expect(store.get({ store: 'sealed', name, version: '1' })).rejects.toBe(down);
    expect(store.keptVersions()).toBe(0);
    await store.put(name, fields, intent);
    expect(store.calls).toMatchObject({ put: 2, get: 1 });
  });

  it('is away when told so, as far as its health says', async () => {
    const store = createMemorySecretStore();
    expect(await store.health()).toMatchObject({ connected: true });
    store.isAway = true;
    expect(await store.health()).toMatchObject({ connected: false });
  });

  it('fails in one operation alone, and after its work is done, when told so', async () => {
    const store = createMemorySecretStore({ kind: 'vault' });
    store.failNext(1, down, { operation: 'put', after: true });
    expect(await store.probe(name, { ...intent, version: 2 })).toBeUndefined();
    await expect(store.put(name, fields, intent)).rejects.toBe(down);
    expect(await store.probe(name, intent)).toEqual({ store: 'vault', name, version: '1' });
  });

  it('waits before it works', async () => {
    const store = createMemorySecretStore();
    store.delayMs = 20;
    const put = store.put(name, fields, intent);
    expect(store.keptVersions()).toBe(0);
    await put;
    expect(store.keptVersions()).toBe(1);
  });
});
