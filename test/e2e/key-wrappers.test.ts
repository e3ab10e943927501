import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { handOver, makeTenant } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { startVault, type VaultServer } from '../support/servers/vault.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { servedBy } from '../support/worker-processes.ts';

const folders: string[] = [];
const running: Product[] = [];
const vaults: VaultServer[] = [];

afterEach(async () => {
  for (const product of running.splice(0)) await product.kill();
  for (const vault of vaults.splice(0)) await vault.close();
  for (const made of folders.splice(0)) await rm(made, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await temporaryFolder();
  folders.push(made);
  return made;
}

type Variables = Readonly<Record<string, string>>;

async function start(dataDir: string, env: Variables): Promise<Product> {
  const product = await startProduct({ dataDir, env });
  running.push(product);
  return product;
}

/** Two workers, of which one is killed and replaced: all can open the keys, whether they unwrapped the root key or were told it. */
async function usedByWorkers(starting: Promise<Product>, tenant: string, meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> {
  const product = await starting;
  const [killed = 0] = await servedBy(product, 2);
  const { admin } = await makeTenant(product, tenant);
  await meanwhile();
  process.kill(killed, 'SIGKILL');
  await servedBy(product, 2, [killed]);
  // A connection of its own, which either may take.
  for (const service of ['openai', 'anthropic', 'groq', 'mistral', 'xai', 'deepseek']) {
    const path = `/api/v1/tenants/${tenant}/credentials/${service}`;
    await admin.must('PUT', path, { fields: { api_key: `sk-test-worker-key-${service}` } }, { connection: 'close' });
  }
  expect(await product.stop()).toEqual({ code: 0, signal: null });
}

/** A tenant's key is kept, and the product stopped. */
async function usedWith(dataDir: string, env: Variables): Promise<void> {
  const product = await start(dataDir, env);
  const tenant = await makeTenant(product, 'acme');
  expect((await handOver(tenant, 'openai', 'sk-test-wrapped-key-0001')).status).toBe(201);
  expect(await product.stop()).toEqual({ code: 0, signal: null });
}

const passphrase = { KEYHOLD_KEY_WRAPPER: 'passphrase', KEYHOLD_KEY_PASSPHRASE: 'test passphrase with a zebra in it' };

describe('R0.5: a root key wrapped by a passphrase', { timeout: 240_000 }, () => {
  it('opens at the next start, and for nobody with another passphrase, salt, pin or wrapper (exit code 6)', async () => {
    const dataDir = await folder();
    await usedWith(dataDir, passphrase);
    const data = join(dataDir, 'data');
    for (const file of ['keyhold.key.root', 'keyhold.key.passphrase']) expect((await readFile(join(data, file), 'utf8')).length).toBeGreaterThan(30);
    await expect(readFile(join(data, 'keyhold.key'))).rejects.toThrow('ENOENT');
    const again = await start(dataDir, passphrase);
    expect(again.output()).not.toContain('zebra');
    await again.stop();

    const refused = async (env: Variables, ...parts: readonly string[]): Promise<void> => {
      const { code, output } = await runToEnd({ dataDir, env });
      expect({ code, output }).toEqual({ code: 6, output: expect.toSatisfy((text: string) => parts.every((part) => text.includes(part)) && !text.includes('zebra')) });
    };
    await refused({ ...passphrase, KEYHOLD_KEY_PASSPHRASE: 'another test passphrase, zebra too' }, 'KEYHOLD_KEY_PASSPHRASE', 'Nothing was changed');
    await refused({}, 'is wrapped by passphrase (', 'Set KEYHOLD_KEY_WRAPPER=passphrase with KEYHOLD_KEY_PASSPHRASE');
    for (const file of ['keyhold.key.passphrase', 'keyhold.key.root']) {
      await rename(join(data, file), join(data, 'away'));
      await refused(passphrase, file, 'backup');
      await rename(join(data, 'away'), join(data, file));
    }
    expect(readStoredState(dataDir).sealedValues).toHaveLength(1);
    expect(await (await start(dataDir, passphrase)).stop()).toEqual({ code: 0, signal: null });
  });

  it('R5.7: opens in several workers, also in one that begins later', async () => {
    const dataDir = await folder();
    await usedByWorkers(start(dataDir, { ...passphrase, KEYHOLD_WORKERS: '2' }), 'acme');
    expect(readStoredState(dataDir).sealedValues).toHaveLength(6);
  });
});

describeWithVault('R0.5: a root key wrapped by a key in Vault', { timeout: 240_000 }, () => {
  async function transitVault(): Promise<{ readonly vault: VaultServer; readonly env: Variables }> {
    const vault = await startVault({ storage: 'file' });
    vaults.push(vault);
    await vault.ask('POST', 'sys/mounts/transit', { type: 'transit' });
    await vault.ask('POST', 'transit/keys/keyhold');
    return { vault, env: { KEYHOLD_KEY_WRAPPER: 'vault-transit', VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken, KEYHOLD_KEY_WRAPPER_WAIT: '2s' } };
  }

  it('opens at the next start; while Vault is away a start waits for it, says so, and makes nothing new, and R5.7 a worker that dies is replaced all the same', async () => {
    const dataDir = await folder();
    const { vault, env } = await transitVault();
    await usedWith(dataDir, env);
    expect(await readFile(join(dataDir, 'data', 'keyhold.key.root'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);

    await vault.stop();
    const { code, output } = await runToEnd({ dataDir, env });
    expect(code).toBe(1);
    for (const part of ['"event":"key_wrapper_unavailable"', 'transit/keys/keyhold', 'could not be asked for 2 s', 'no other root key is made', 'Vault cannot be reached']) expect(output).toContain(part);
    const waiting = start(dataDir, { ...env, KEYHOLD_KEY_WRAPPER_WAIT: '60s', KEYHOLD_WORKERS: '2' });
    await vault.start();
    await usedByWorkers(waiting, 'globex', () => vault.stop());
    expect(readStoredState(dataDir).sealedValues).toHaveLength(7);
  });

  it('is not made at a first start without Vault, nor with a key that is not there', async () => {
    const dataDir = await folder();
    const { vault, env } = await transitVault();
    const { code, output } = await runToEnd({ dataDir, env: { ...env, KEYHOLD_TRANSIT_MOUNT: 'absent' } });
    expect({ code, output }).toEqual({ code: 6, output: expect.stringContaining('no transit engine at absent') });
    await vault.stop();
    expect((await runToEnd({ dataDir, env })).code).toBe(1);
    await expect(readFile(join(dataDir, 'data', 'keyhold.key.root'))).rejects.toThrow('ENOENT');
    await vault.start();
    expect(await (await start(dataDir, env)).stop()).toEqual({ code: 0, signal: null });
  });
});
