import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseVerifierKey } from '../../src/core/audit/notes/verifier-key.ts';
import { openCertificate } from '../../src/core/keys/shredding-certificate.ts';
import type { KeyStep } from '../../src/core/keys/steps.ts';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const steps = ['shred.noted', 'shred.destroyed', 'shred.recorded', 'shred.wiped', 'shred.certified'] as const satisfies readonly KeyStep[];

let dataDir: string;
let product: Product;
const wrapped = new Map<string, string>();
const commitments = new Map<string, string>();

beforeAll(async () => {
  dataDir = await temporaryFolder();
  product = await start();
});

afterAll(async () => {
  await product.kill();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(stop?: KeyStep): Promise<Product> {
  await writeFile(join(dataDir, 'stop-at'), stop === undefined ? '' : `stop ${stop}`);
  return startProduct({ dataDir, entry, env: { TEST_STOP_FILE: join(dataDir, 'stop-at'), KEYHOLD_BACKUP_RETENTION: '30d' } });
}

function tenantOf(step: KeyStep): string {
  return step.replace('.', '-');
}

/** A tenant with a sealed key, whose wrapped data key is remembered as somebody has it who looked into the files before. */
async function sealedFor(id: string): Promise<TestTenant> {
  const tenant = await makeTenant(product, id);
  await handOver(tenant, 'openai', `sk-test-shredded-${id}`);
  const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'), { readOnly: true });
  const row = database.prepare('SELECT body FROM data_keys WHERE scope = ? AND body IS NOT NULL').get(`tenant:${id}`);
  database.close();
  wrapped.set(id, (JSON.parse(String(row?.['body'])) as { wrapped: string }).wrapped);
  return tenant;
}

const shred = (id: string) => apiOf(product.url).must('POST', `/api/v1/tenants/${id}/shred`);

async function shreddingOf(id: string): Promise<{ readonly certificate: string | null; readonly dataKeys: readonly { readonly commitment: string }[] } | undefined> {
  const { body } = await apiOf(product.url).must('GET', `/api/v1/platform/shreddings?tenant=${id}`);
  return (body['items'] as { certificate: string | null; dataKeys: { commitment: string }[] }[])[0];
}

describe('S16: shredding a tenant, kill -9 at each step', { timeout: 240_000 }, () => {
  it.each(steps.slice(0, 3))('killed at %s of the request: it can be asked for again, and what was noted stays', async (step) => {
    await sealedFor(tenantOf(step));
    await product.stop();
    product = await start(step);
    await expect(shred(tenantOf(step))).rejects.toThrow();
    expect(await product.exited).toEqual({ code: null, signal: 'SIGKILL' });
    product = await start();
    const noted = await shreddingOf(tenantOf(step));
    expect(noted?.dataKeys).toHaveLength(1);
    commitments.set(tenantOf(step), noted?.dataKeys[0]?.commitment ?? '');
  });

  it('killed twice in the removal, at the wiped files and at the certificate: each is finished, certified, and looked up afterwards', async () => {
    const ids = [...steps.slice(3).map(tenantOf), 'plain'];
    for (const id of ids) await sealedFor(id);
    await shred(ids[0]!);
    await shred(ids[1]!);
    await apiOf(product.url).must('DELETE', '/api/v1/tenants/plain');
    for (const step of steps.slice(3)) {
      await writeFile(join(dataDir, 'stop-at'), `stop ${step}`);
      expect(await product.exited).toEqual({ code: null, signal: 'SIGKILL' });
      product = await start(undefined);
    }
    const all = [...steps.map(tenantOf), 'plain'];
    const waiting = new Set(all);
    await eventually(
      async () => {
        for (const id of waiting) if (((await shreddingOf(id))?.certificate ?? null) !== null && (await apiOf(product.url).call('GET', `/api/v1/tenants/${id}`)).status === 404) waiting.delete(id);
        return waiting.size === 0;
      },
      () => `not certified: ${[...waiting].join(', ')}`,
      120_000,
    );
    const key = parseVerifierKey((await runToEnd({ dataDir, args: ['audit', 'key'] })).stdout.split('\n')[0] ?? '');
    if (key === undefined) throw new Error('the audit log has no key');
    for (const id of all) {
      const shredding = await shreddingOf(id);
      expect(openCertificate(shredding?.certificate ?? '', [key])).toMatchObject({
        tenant: id,
        destroyedDataKeys: [{ id: 'dk_1', commitment: commitments.get(id) ?? expect.stringMatching(/^[0-9a-f]{64}$/), destroyedAt: expect.any(String) }],
        remainingCopies: [{ what: expect.stringContaining('backups'), until: expect.any(String) }],
        effectiveAt: expect.any(String),
      });
    }
    // Nothing of the wrapped keys is left in the files, free pages and logs included, while Keyhold runs.
    for (const name of readdirSync(join(dataDir, 'data'), { recursive: true, withFileTypes: true }).filter((file) => file.isFile())) {
      const content = readFileSync(join(name.parentPath, name.name), 'latin1');
      for (const [id, text] of wrapped) expect(content.includes(text.slice(0, 60)), `${id} in ${name.name}`).toBe(false);
    }
  });
});
