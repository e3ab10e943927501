import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secretNameInAzure } from '../../src/adapters/secret-store/azure-key-vault/secret-name.ts';
import { asKeyholdError, type KeyholdError } from '../../src/ports/errors.ts';
import { StoreUntouched } from '../../src/ports/secret-store.ts';
import { azureStoreOn, intend, newName, oneField } from '../support/azure-fixture.ts';
import { secretClient } from '../support/servers/azure/sdk-clients.ts';
import { type AzureServer, startAzureServer } from '../support/servers/azure/server.ts';

const FIRST = oneField('sk-test-azure-soft-0001');
const SECOND = oneField('sk-test-azure-soft-0002');
const STRAY = oneField('sk-test-azure-soft-stray');
let server: AzureServer;
let store: ReturnType<typeof azureStoreOn>['store'];
beforeAll(async () => {
  server = await startAzureServer();
  store = azureStoreOn(server).store;
});
afterAll(async () => {
  store.close();
  await server.close();
});
afterEach(() => {
  server.faults.heal();
  Object.assign(server.vault.durations, { deletingMs: 0, recoveringMs: 0, recoverySettlingMs: 0, purgingMs: 0 });
});

async function failureOf(work: Promise<unknown>): Promise<KeyholdError> {
  return work.then(() => Promise.reject(new Error('It succeeded.')), asKeyholdError);
}

/** A name whose only version was deleted. */
async function deletedName() {
  const name = newName();
  const reference = await store.put(name, FIRST, intend(1, FIRST));
  await store.remove(reference);
  return { name, reference };
}

describe('R3.7 S17 soft delete in Azure Key Vault, when something else happens meanwhile', () => {
  it('a put that was given up and arrived late neither outlives the deletion nor keeps the key from coming back', async () => {
    const name = newName();
    const [base, stray] = [await store.put(name, FIRST, intend(1, FIRST)), intend(2, STRAY)];
    const live = await store.put(name, SECOND, intend(3, SECOND, base));
    const inAzure = secretNameInAzure(name);
    const client = secretClient(server);
    const { properties } = await client.getSecret(inAzure, { version: base.version });
    await client.setSecret(inAzure, STRAY['api_key']?.reveal() ?? '', { tags: { ...properties.tags, 'keyhold-intent': stray.id, 'keyhold-version': '2', 'keyhold-base': base.version, 'keyhold-digest': stray.digest } });
    await store.remove(live);
    await expect(client.getSecret(inAzure)).rejects.toMatchObject({ statusCode: 404 });
    await store.restore(live);
    expect((await store.get(live))['api_key']?.reveal()).toBe(SECOND['api_key']?.reveal());
    expect((await client.getSecret(inAzure)).value).toBe(SECOND['api_key']?.reveal());
  });

  it.each([
    ['is refused for being too much', { kind: 'answer', status: 429, code: 'Throttled', headers: { 'retry-after': '30' } }, 'secrets.update'],
    ['may not switch off what came back', { kind: 'answer', status: 403, code: 'Forbidden', inner: 'ForbiddenByPolicy' }, 'secrets.update'],
    ['may not write', { kind: 'answer', status: 403, code: 'Forbidden', inner: 'ForbiddenByPolicy' }, 'secrets.set'],
  ] as const)('a put that has recovered the name and then %s has not left the vault untouched', async (_what, fault, operation) => {
    const { name, reference } = await deletedName();
    if (operation === 'secrets.set') server.faults.break({ kind: 'answer', status: 409, code: 'Conflict', inner: 'ObjectIsDeletedButRecoverable' }, { operation, name: secretNameInAzure(name) }, 1);
    server.faults.break(fault, { operation, name: secretNameInAzure(name) });
    const under = azureStoreOn(server).store;
    const failure = await failureOf(under.put(name, SECOND, intend(2, SECOND, reference)));
    under.close();
    expect(failure).toMatchObject({ code: 'unavailable' });
    expect(failure).not.toBeInstanceOf(StoreUntouched);
  });

  it('a recovery whose end cannot be waited for, or that fails at its end, is still under way', { timeout: 40_000 }, async () => {
    const [forPut, forRestore, refused] = [await deletedName(), await deletedName(), await deletedName()];
    const client = secretClient(server);
    // A second version that the recovery has to switch off.
    await store.restore(refused.reference);
    const base = await store.put(refused.name, SECOND, intend(2, SECOND, refused.reference));
    await store.remove(base);
    server.faults.break({ kind: 'answer', status: 429, code: 'Throttled', headers: { 'retry-after': '30' } }, { operation: 'secrets.update', name: secretNameInAzure(refused.name) });
    const under = azureStoreOn(server).store;
    expect(await failureOf(under.restore(base))).not.toBeInstanceOf(StoreUntouched);
    under.close();
    expect((await client.getSecret(secretNameInAzure(refused.name))).value).toBe(SECOND['api_key']?.reveal());
    server.vault.durations.recoveringMs = Infinity;
    for (const failure of await Promise.all([failureOf(store.put(forPut.name, SECOND, intend(2, SECOND, forPut.reference))), failureOf(store.restore(forRestore.reference))])) {
      expect(failure).toMatchObject({ code: 'unavailable' });
      expect(failure).not.toBeInstanceOf(StoreUntouched);
    }
  });

  it('R3.7 a version is switched off although there are more of them than are looked at', { timeout: 60_000 }, async () => {
    const name = newName();
    const client = secretClient(server);
    const versions: string[] = [];
    for (let count = 0; count < 510; count += 1) versions.push((await client.setSecret(secretNameInAzure(name), `sk-test-by-hand-${count}`)).properties.version ?? '');
    // The server lists them in this order.
    const version = versions.toSorted().at(-1) ?? '';
    await store.destroy({ store: 'azure-key-vault', name, version });
    await expect(client.getSecret(secretNameInAzure(name), { version })).rejects.toMatchObject({ statusCode: 403 });
  });
});
