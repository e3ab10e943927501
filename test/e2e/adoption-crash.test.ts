import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CredentialStep } from '../../src/core/credentials/steps.ts';
import { gcm, token } from '../support/adoption-world.ts';
import { apiOf } from '../support/api.ts';
import { legacyEnvironment } from '../support/legacy-settings.ts';
import { until } from '../support/outcome.ts';
import { runToEnd, testAdminToken } from '../support/product.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let world: VaultWorld;
let documents: string;

async function arm(...lines: readonly string[]): Promise<void> {
  await writeFile(join(world.dataDir, 'stop-at'), lines.join('\n'));
}

async function start(): Promise<void> {
  await world.start({ entry, env: { ...legacyEnvironment, TEST_STOP_FILE: join(world.dataDir, 'stop-at') } });
}

function keyhold(...args: readonly string[]): ReturnType<typeof runToEnd> {
  return runToEnd({ args, dataDir: world.dataDir, env: { KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken } });
}

async function write(...tenants: readonly string[]): Promise<void> {
  await writeFile(documents, JSON.stringify(tenants.map((tenantId) => ({ tenantId, provider: 'openai', encryptedApiKey: gcm.value }))));
}

/** What is wrong with what is kept of a tenant's key, in words. */
async function problemsWith(tenant: string, place: 'sealed' | 'vault'): Promise<readonly string[]> {
  const record = readStoredState(world.dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant);
  const problems: string[] = [];
  if (record?.state !== 'active' || record.intent !== null) problems.push(`the record is ${String(record?.state)}, with ${record?.intent === null ? 'no' : 'an'} intent`);
  if (record?.current?.reference.store !== place) problems.push(`the value lies in ${String(record?.current?.reference.store)}`);
  if ((record?.current?.reference.legacy !== undefined) !== (place === 'sealed')) problems.push('the mark is wrong');
  const live = (await versionsInVault(world.vault, `tenants/${tenant}/api-keys/openai`)).filter(({ state, version }) => state === 'live' && record?.retired.every(({ reference }) => reference.version !== String(version)));
  if (live.length > (place === 'vault' ? 1 : 0)) problems.push(`${live.length} versions live in Vault`);
  return problems;
}

async function served(tenant: string): Promise<string | null> {
  const made = await apiOf(world.product().url).must('POST', `/api/v1/tenants/${tenant}/tokens`, { name: 'first', role: 'tenant-admin' });
  const { body } = await apiOf(world.product().url, String(made.body['token'])).must('POST', `/api/v1/tenants/${tenant}/gateway-keys`, { name: 'application' });
  return (await world.ask(String(body['key']))).key;
}

async function killedAt(step: CredentialStep, ...command: readonly string[]): Promise<void> {
  await arm(`stop ${step}`);
  const { code, stderr } = await keyhold(...command);
  expect([code, stderr]).toEqual([1, expect.stringContaining('The run ended early. What is done is kept')]);
  expect(await world.product().exited).toEqual({ code: null, signal: 'SIGKILL' });
  await arm();
  await start();
}

describeWithVault('kill -9 in the middle of adopting and of migrating', () => {
  beforeAll(async () => {
    world = await startVaultWorld();
    documents = join(world.dataDir, 'documents.json');
    await arm();
    await start();
  });
  afterAll(async () => world.close());

  it.each(['put.begun', 'put.stored', 'put.committed', 'put.announced'] as const)('R6.3 at %s of adopting a document: the same command again ends it, once', async (step) => {
    const tenant = `a-${step.replace('.', '-')}`;
    await write(tenant);
    const command = ['adopt', 'file', documents, '--create-tenants'];
    await killedAt(step, ...command);
    expect((await keyhold(...command)).code).toBe(0);
    expect(await problemsWith(tenant, 'sealed')).toEqual([]);
    expect(await served(tenant)).toBe(gcm.text);
  });

  it.each(['adopt.committed', 'adopt.announced'] as const)('R6.3 at %s of adopting what lies in Vault: the same command again ends it', async (step) => {
    const tenant = `b-${step.replace('.', '-')}`;
    await world.cli('kv', 'put', `secret/tenants/${tenant}/api-keys/openai`, `api_key=${token.token}`);
    const command = ['adopt', 'store', 'vault', '--create-tenants'];
    await killedAt(step, ...command);
    const { code, stdout } = await keyhold(...command);
    expect([code, stdout]).toEqual([0, expect.stringMatching(new RegExp(`${tenant} .*already`, 'u'))]);
    expect(await served(tenant)).toBe(token.text);
  });

  it.each(['move.begun', 'move.stored', 'move.verified', 'move.committed', 'move.announced'] as const)('R3.4 at %s of migrating: the key serves, and the same command again ends it', async (step) => {
    const tenant = `c-${step.replace('.', '-')}`;
    await write(tenant);
    expect((await keyhold('adopt', 'file', documents, '--create-tenants')).code).toBe(0);
    await killedAt(step, 'migrate', 'legacy');
    expect(await served(tenant)).toBe(gcm.text);
    expect((await keyhold('migrate', 'legacy')).code).toBe(0);
    expect(await problemsWith(tenant, 'vault')).toEqual([]);
    expect((await versionsInVault(world.vault, `tenants/${tenant}/api-keys/openai`)).at(-1)?.fields).toEqual({ api_key: gcm.text });
  });

  it('of the command itself: what it had done is kept, and it goes on from there', async () => {
    const tenants = Array.from({ length: 40 }, (_, index) => `d-${index}`);
    await write(...tenants);
    const adopted = (): number => readStoredState(world.dataDir).credentials.filter(({ scope, state }) => scope.kind === 'tenant' && scope.tenant.startsWith('d-') && state === 'active').length;
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [main, 'adopt', 'file', documents, '--create-tenants'], { cwd: world.dataDir, stdio: 'ignore', env: { PATH, KEYHOLD_URL: world.product().url, KEYHOLD_TOKEN: testAdminToken } });
    await until('some are adopted', async () => adopted() >= 3);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const before = adopted();
    const { code, stdout } = await keyhold('adopt', 'file', documents, '--create-tenants');
    expect([code, adopted()]).toEqual([0, 40]);
    expect(before).toBeLessThan(40);
    // What the running Keyhold had been asked for when the command died, it did.
    const [already, later] = ['already', 'adopted'].map((word) => Number(new RegExp(`(\\d+) ${word}`, 'u').exec(stdout)?.[1] ?? 0));
    expect([already! >= before, already! + later!]).toEqual([true, 40]);
    expect((await keyhold('migrate', 'legacy')).code).toBe(0);
    expect(readStoredState(world.dataDir).credentials.filter(({ current }) => current?.reference.legacy !== undefined)).toEqual([]);
  });
});
