import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { keySteps } from '../../src/core/keys/steps.ts';
import { apiOf, handOver, makeTenant } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { startFaultProxy } from '../support/servers/fault-proxy.ts';
import { startVault } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';

const stopping = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const running: Product[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const product of running.splice(0)) await product.kill();
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await temporaryFolder();
  folders.push(made);
  return made;
}

type Variables = Readonly<Record<string, string>>;

async function start(dataDir: string, env: Variables = {}, entry?: string): Promise<Product> {
  const product = await startProduct({ dataDir, env, ...(entry === undefined ? {} : { entry }) });
  running.push(product);
  return product;
}

/** The root key as each wrapping key has it, read past the product. */
function wrappedIn(dataDir: string): readonly string[] {
  const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'), { readOnly: true });
  const row = database.prepare("SELECT body FROM platform WHERE name = 'root'").get();
  database.close();
  return (JSON.parse(String(row?.['body'])) as { wrappings: { wrapped: string }[] }).wrappings.map(({ wrapped }) => wrapped);
}

function filesWith(dataDir: string, text: string): readonly string[] {
  const folder = join(dataDir, 'data');
  return readdirSync(folder).filter((name) => name.startsWith('keyhold.db') && readFileSync(join(folder, name), 'latin1').includes(text));
}

const wrappingsOf = async (product: Product): Promise<unknown> => (await apiOf(product.url, testAdminToken).must('GET', '/api/v1/platform/keys')).body['wrappings'];
const keyhold = (dataDir: string, args: readonly string[], env: Variables = {}) => runToEnd({ dataDir, args, env });

describe('R0.5, S14: another wrapping key while everything runs', () => {
  it('is named in .env, taken by the running Keyhold under load, used by the next start, and the old key opens nothing any more', async () => {
    const dataDir = await folder();
    const product = await start(dataDir);
    const tenant = await makeTenant(product, 'acme');
    const oldKey = join(dataDir, 'data', 'keyhold.key');
    const newKey = join(dataDir, 'second.key');
    const ask = { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken };

    const unnamed = await keyhold(dataDir, ['keys', 'rotate'], ask);
    expect(unnamed).toMatchObject({ code: 1, stderr: expect.stringContaining('Set KEYHOLD_NEW_KEY_FILE') });

    await writeFile(join(dataDir, '.env'), `KEYHOLD_NEW_KEY_FILE=${newKey}\n`);
    let stored = 0;
    const load = new AbortController();
    const storing = (async () => {
      for (; !load.signal.aborted; stored += 1) expect((await handOver(tenant, 'openai', `sk-test-under-load-${stored}`)).status).toBeLessThan(300);
    })();
    const rotated = await keyhold(dataDir, ['keys', 'rotate'], ask);
    load.abort();
    await storing;
    expect(rotated).toMatchObject({ code: 0, stdout: expect.stringContaining(`next:      a key file (${newKey})`) });
    expect(rotated.stdout).toContain('Set KEYHOLD_KEY_WRAPPER=key-file and KEYHOLD_KEY_FILE');
    expect(stored).toBeGreaterThan(0);
    expect(await wrappingsOf(product)).toMatchObject([{ place: oldKey, state: 'present' }, { place: newKey, state: 'next' }]);
    const rows = (await apiOf(product.url, testAdminToken).must('GET', '/api/v1/audit?action=root-key.rewrap')).body['items'];
    expect(rows).toMatchObject([{ outcome: 'ok' }, { phase: 'intent' }, { outcome: 'failed' }, { phase: 'intent' }]);
    await product.stop();

    const before = wrappedIn(dataDir);
    expect(before).toHaveLength(2);
    // A start with the new one that finds no audit key beside it changes nothing: both open it still. The first one that goes through takes the old one out.
    expect(rotated.stdout).toContain('KEYHOLD_AUDIT_KEY_FILE');
    expect(await runToEnd({ dataDir, env: { KEYHOLD_KEY_FILE: newKey } })).toMatchObject({ code: 6, output: expect.stringContaining('point KEYHOLD_AUDIT_KEY_FILE to where it is now') });
    const again = await start(dataDir);
    expect(await wrappingsOf(again)).toHaveLength(2);
    await again.stop();
    const next = await start(dataDir, { KEYHOLD_KEY_FILE: newKey, KEYHOLD_AUDIT_KEY_FILE: `${oldKey}.audit` });
    expect(await wrappingsOf(next)).toMatchObject([{ place: newKey, state: 'present' }]);
    expect(before.map((text) => filesWith(dataDir, text).length > 0), 'what is left in the files, the log of changes included').toEqual([false, true]);
    expect((await handOver({ ...tenant, admin: apiOf(next.url, tenant.admin.token) }, 'openai', 'sk-test-after-the-change')).status).toBe(200);
    await next.stop();
    const old = await runToEnd({ dataDir });
    expect({ code: old.code, output: old.output }).toEqual({ code: 6, output: expect.stringContaining('does not open the root key') });
    expect(readStoredState(dataDir).sealedValues.length).toBeGreaterThan(0);
  });

  it('on a stopped Keyhold, from a key file to a passphrase, with a status that reads well', async () => {
    const dataDir = await folder();
    expect(await (await start(dataDir)).stop()).toMatchObject({ code: 0 });
    const passphrase = { KEYHOLD_NEW_KEY_WRAPPER: 'passphrase', KEYHOLD_NEW_KEY_PASSPHRASE: 'test passphrase with a zebra in it' };
    const rotated = await keyhold(dataDir, ['keys', 'rotate'], passphrase);
    expect(rotated).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('KEYHOLD_KEY_WRAPPER=passphrase') });
    const status = await keyhold(dataDir, ['keys', 'status']);
    expect(status.stdout).toMatch(/^Root key root_[0-9a-f]{16} of \S+\n {2}commitment [0-9a-f]{64}\n {2}wrapped by a key file \(\S+\), since \S+\n {2}next: {6}a passphrase \(\S+\.passphrase\), since \S+\nA change is under way/);
    const product = await start(dataDir, { KEYHOLD_KEY_WRAPPER: 'passphrase', KEYHOLD_KEY_PASSPHRASE: passphrase.KEYHOLD_NEW_KEY_PASSPHRASE });
    expect(await wrappingsOf(product)).toMatchObject([{ wrapper: 'passphrase', state: 'present' }]);
    const busy = await keyhold(dataDir, ['keys', 'rotate'], passphrase);
    expect(busy).toMatchObject({ code: 5, stderr: expect.stringContaining('KEYHOLD_URL') });
    expect(status.stdout + rotated.stdout + product.output()).not.toContain('zebra');
  });

  it('S12 kill -9 at each step: the old key file opens what there is, the new one as soon as it is kept, and the change can be repeated', async () => {
    const dataDir = await folder();
    const newKey = join(dataDir, 'second.key');
    const stopAt = join(dataDir, 'stop-at');
    await writeFile(join(dataDir, '.env'), `KEYHOLD_NEW_KEY_FILE=${newKey}\n`);
    const env = { TEST_STOP_FILE: stopAt };
    for (const step of keySteps.filter((name) => name.startsWith('rewrap.'))) {
      await writeFile(stopAt, `stop ${step}`);
      const victim = await start(dataDir, env, stopping);
      await expect(apiOf(victim.url, testAdminToken).must('POST', '/api/v1/platform/keys/rewrap')).rejects.toThrow();
      expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await writeFile(stopAt, '');
      const survivor = await start(dataDir, env, stopping);
      expect(await wrappingsOf(survivor), step).toHaveLength(step === 'rewrap.kept' ? 2 : 1);
      await survivor.stop();
    }
    await copyFile(join(dataDir, 'data', 'keyhold.key.audit'), `${newKey}.audit`);
    const next = await start(dataDir, { KEYHOLD_KEY_FILE: newKey });
    expect(await wrappingsOf(next)).toMatchObject([{ place: newKey, state: 'present' }]);
  });
});

describeWithVault('S14: a wrapping key in Vault that goes away in the middle of the change', () => {
  it('changes nothing, requests go on, two changes at once are one after the other, and the next one is done', async () => {
    const vault = await startVault();
    const proxy = await startFaultProxy(vault.address);
    try {
      await vault.ask('POST', 'sys/mounts/transit', { type: 'transit' });
      await vault.ask('POST', 'transit/keys/keyhold');
      const dataDir = await folder();
      await writeFile(join(dataDir, '.env'), `KEYHOLD_NEW_KEY_WRAPPER=vault-transit\nVAULT_ADDR=${proxy.url}\nVAULT_TOKEN=${vault.rootToken}\n`);
      const product = await start(dataDir);
      const tenant = await makeTenant(product, 'acme');
      const rewrap = () => apiOf(product.url, testAdminToken).call('POST', '/api/v1/platform/keys/rewrap');
      // It wraps, and is gone before it is seen to open that again.
      proxy.break({ kind: 'drop-request' }, ({ path }) => path.includes('transit/decrypt'));
      const [refused, stored] = await Promise.all([rewrap(), handOver(tenant, 'openai', 'sk-test-meanwhile-0001')]);
      expect([refused.status, stored.status]).toEqual([503, 201]);
      expect(proxy.requests.map(({ path }) => path.split('/').at(-2))).toContain('encrypt');
      expect(await wrappingsOf(product)).toHaveLength(1);
      proxy.heal();
      const outcomes = await Promise.all([rewrap(), rewrap(), handOver(tenant, 'openai', 'sk-test-meanwhile-0002')]);
      expect(outcomes.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await wrappingsOf(product)).toMatchObject([{ wrapper: 'key-file' }, { wrapper: 'vault-transit', state: 'next' }]);
      await product.stop();
      expect(await (await start(dataDir, { KEYHOLD_KEY_WRAPPER: 'vault-transit' })).stop()).toEqual({ code: 0, signal: null });
    } finally {
      await proxy.close();
      await vault.close();
    }
  });
});

describeWithVault('R0.5: a newer version of the key in Vault', () => {
  it('wraps the root key in the place of the older one, which may then be forbidden', async () => {
    const vault = await startVault();
    try {
      await vault.ask('POST', 'sys/mounts/transit', { type: 'transit' });
      await vault.ask('POST', 'transit/keys/keyhold');
      const dataDir = await folder();
      const env = { KEYHOLD_KEY_WRAPPER: 'vault-transit', VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
      const product = await start(dataDir, env);
      await vault.ask('POST', 'transit/keys/keyhold/rotate');
      const rotated = await keyhold(dataDir, ['keys', 'rotate'], { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken });
      expect(rotated).toMatchObject({ code: 0, stdout: expect.stringContaining('newest version of transit/keys/keyhold') });
      await vault.ask('POST', 'transit/keys/keyhold/config', { min_decryption_version: 2 });
      await product.stop();
      const again = await start(dataDir, env);
      // To another key, whose first version is one that Vault forbids of the old key: that one opens all the same until the next one is used.
      await vault.ask('POST', 'transit/keys/second');
      await again.stop();
      expect((await keyhold(dataDir, ['keys', 'rotate'], { ...env, KEYHOLD_NEW_TRANSIT_KEY: 'second' })).code).toBe(0);
      for (const key of ['keyhold', 'second']) expect(await (await start(dataDir, { ...env, KEYHOLD_TRANSIT_KEY: key })).stop()).toEqual({ code: 0, signal: null });
    } finally {
      await vault.close();
    }
  });
});
