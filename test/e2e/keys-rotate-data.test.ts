import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyStep } from '../../src/core/keys/steps.ts';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { localServices } from '../support/local-services.ts';
import { type Product, runToEnd, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));

let provider: ProviderServer;
let dataDir: string;
let product: Product;
const tenants: TestTenant[] = [];

beforeAll(async () => {
  provider = await startProviderServer();
  dataDir = await temporaryFolder();
  product = await start();
  for (const id of ['acme', 'beta']) {
    const tenant = await makeTenant(product, id);
    tenants.push(tenant);
    await handOver(tenant, 'openai', keyOf(id));
  }
});

afterAll(async () => {
  await product.kill();
  await provider.close();
  await rm(dataDir, { recursive: true, force: true });
});

const keyOf = (tenant: string): string => `sk-test-sealed-key-of-${tenant}`;

async function start(...stop: readonly KeyStep[]): Promise<Product> {
  await writeFile(join(dataDir, 'stop-at'), stop.map((step) => `stop ${step}`).join('\n'));
  return startProduct({ dataDir, entry, env: { ...localServices(provider, ['openai']), TEST_STOP_FILE: join(dataDir, 'stop-at') } });
}

/** The gateway uses each tenant's key, read from the database: what a process remembered is gone with it. */
async function everyKeyServes(): Promise<void> {
  for (const { id, gatewayKey } of tenants) {
    const answer = await fetch(`${product.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gatewayKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-local', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect([id, answer.status, await answer.text()]).toEqual([id, 200, expect.any(String)]);
    expect(provider.requests.at(-1)?.key).toBe(keyOf(id));
  }
}

function dataKeys(): readonly string[] {
  const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'), { readOnly: true });
  try {
    return database.prepare("SELECT scope || '/' || id AS name FROM data_keys WHERE body IS NOT NULL ORDER BY scope, id").all().map(({ name }) => String(name));
  } finally {
    database.close();
  }
}

const rotation = async (): Promise<Record<string, unknown>> => (await apiOf(product.url).must('GET', '/api/v1/platform/keys/data-rotation')).body;
const begin = (): Promise<unknown> => apiOf(product.url).must('POST', '/api/v1/platform/keys/rotate-data', {});

async function finished(): Promise<void> {
  let last: Record<string, unknown> = {};
  await eventually(
    async () => {
      last = await rotation();
      return last['state'] === 'finished';
    },
    () => `the rotation is not finished: ${JSON.stringify(last)}`,
  );
}

describe('S14: new data keys for everybody', { timeout: 180_000 }, () => {
  let rounds = 1;

  // The others are tried in core/keys/data-key-rotation.test.ts.
  it.each(['data.renewed', 'data.retired', 'data.destroyed'] as const)('kill -9 at %s: the next start finishes it, and every key serves', async (step) => {
    await product.stop();
    product = await start(step);
    await begin().catch(() => undefined);
    expect(await product.exited).toEqual({ code: null, signal: 'SIGKILL' });
    product = await start();
    await finished();
    rounds += 1;
    await everyKeyServes();
    expect(dataKeys()).toEqual([`tenant:acme/dk_${rounds}`, `tenant:beta/dk_${rounds}`]);
  });

  it('by the command, while keys are handed over and used, with the list of provider keys at its end', async () => {
    await product.stop();
    product = await start();
    await everyKeyServes();
    const [acme, beta] = tenants.map((tenant) => ({ ...tenant, admin: apiOf(product.url, tenant.admin.token) }));
    const ending = new AbortController();
    const load = (async () => {
      while (!ending.signal.aborted) {
        await handOver(acme!, 'openai', keyOf('acme'));
        await handOver(beta!, 'stripe', 'sk_test_rotated_under_load_0001');
        await everyKeyServes();
      }
    })();
    const { code, stdout, stderr } = await runToEnd({ dataDir, args: ['keys', 'rotate', '--data'], env: { KEYHOLD_URL: product.url, KEYHOLD_TOKEN: testAdminToken } });
    ending.abort();
    await load;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    rounds += 1;
    expect(stdout).toMatch(/^\d+ values are sealed under new data keys; 2 old data keys are destroyed\.\n\nWho had the old wrapping key .*\n\nTENANT {2}SERVICE {2}LABEL/);
    for (const line of [/^acme\s+openai\s+default\s+active\s+api_key …acme$/m, /^beta\s+openai\s+default\s+active\s+api_key …beta$/m]) expect(stdout).toMatch(line);
    expect(stdout).not.toContain('sk-test');
    await product.stop();
    product = await start();
    await everyKeyServes();
    expect(dataKeys()).toEqual([`tenant:acme/dk_${rounds}`, `tenant:beta/dk_${rounds}`]);
  });

  it('of one tenant, on the stopped data folder', async () => {
    await product.stop();
    const { code, stdout } = await runToEnd({ dataDir, args: ['keys', 'rotate', '--data', '--tenant', 'acme'] });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/1 old data keys are destroyed[^]*acme\s+openai/) });
    expect(stdout).not.toContain('beta');
    expect(dataKeys()).toEqual([`tenant:acme/dk_${rounds + 1}`, `tenant:beta/dk_${rounds}`]);
    const unknown = await runToEnd({ dataDir, args: ['keys', 'rotate', '--data', '--tenant', 'nobody'] });
    expect({ code: unknown.code, stderr: unknown.stderr }).toEqual({ code: 1, stderr: expect.stringContaining('There is no tenant nobody') });
    product = await start();
    await everyKeyServes();
    const { body } = await apiOf(product.url).must('GET', '/api/v1/audit?action=data-keys.reseal&limit=1000');
    const rows = body['items'] as readonly { readonly outcome: string | null }[];
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ outcome }) => outcome !== null && outcome !== 'ok')).toEqual([]);
  });
});
