import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseVerifierKey } from '../../src/core/audit/notes/verifier-key.ts';
import { apiOf, makeTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';
import { startWitnessServer, type WitnessServer } from '../support/servers/witness-server.ts';

let dataDir: string;
let witness: WitnessServer;
let product: Product;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  witness = await startWitnessServer();
});

afterEach(async () => {
  await product.kill();
  await witness.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<Product> {
  product = await startProduct({ dataDir, env: { KEYHOLD_AUDIT_WITNESS_URL: witness.url, KEYHOLD_AUDIT_WITNESS_KEY: witness.key, KEYHOLD_LOG_LEVEL: 'info' } });
  return product;
}

const keyhold = (args: readonly string[]) => runToEnd({ dataDir, args: ['audit', ...args] });
const checkpoint = async () => (await apiOf(product.url).must('GET', '/api/v1/audit/checkpoint')).body;
const logged = (event: string) => until(event, () => Promise.resolve(product.logLines().find((line) => line['event'] === event)));
const ready = async () => (await fetch(`${product.url}/readyz`)).json();

/** Whatever a start leaves undone is none of its business: the first start of a log that the witness does not know. */
async function learned(): Promise<string> {
  await start();
  const told = await logged('audit_witness_failed');
  expect(String(told['msg'])).toContain('does not know this audit log');
  expect(await ready()).toEqual({ ready: true, degraded: ['witness'] });
  expect(await checkpoint()).toMatchObject({ witness: { name: 'witness.test/w1', size: null, checkpoint: null, signedAt: null, failure: expect.stringContaining('Give its operator') } });
  const { stdout } = await keyhold(['key']);
  const key = parseVerifierKey(stdout.split('\n')[0] ?? '');
  if (key === undefined) throw new Error(stdout);
  witness.learn(key);
  await product.stop();
  return stdout;
}

describe('a witness of the audit log (S30, C2SP tlog-witness)', () => {
  it('signs heads at the start and at the stop; what it signed is shown, kept, and asked for by `audit verify`', async () => {
    const key = join(dataDir, 'key.txt');
    await writeFile(key, await learned());
    // The stop had offered the head again, when the witness knew the log.
    const atStop = witness.seen((await start(), String((await checkpoint())['origin'])));
    expect(atStop).toBeGreaterThan(0);
    const signed = await logged('audit_checkpoint_witnessed');
    expect(signed).toMatchObject({ level: 'info', name: 'witness.test/w1' });
    expect(await ready()).toEqual({ ready: true, degraded: [] });
    const acme = await makeTenant(product, 'acme');
    const shown = await checkpoint();
    expect(shown).toMatchObject({ witness: { name: 'witness.test/w1', checkpoint: signed['checkpoint'], failure: null, signedAt: expect.stringMatching(/^20/) } });
    expect((shown['witness'] as { size: number }).size).toBeLessThan(Number(shown['size']));
    expect((await acme.admin.must('GET', '/api/v1/tenants/acme/audit/checkpoint')).body).not.toHaveProperty('witness');
    expect((await product.stop()).code).toBe(0);
    expect(witness.seen(String(shown['origin']))).toBeGreaterThanOrEqual(Number(shown['size']));

    const [log, head] = [join(dataDir, 'log.jsonl'), join(dataDir, 'head.log')];
    await writeFile(head, product.output());
    expect(await keyhold(['export', '-o', log])).toMatchObject({ code: 0 });
    const proven = await keyhold(['verify', log, '--key', key, '--checkpoint', head, '--witness', witness.key]);
    expect(proven).toMatchObject({ code: 0, stdout: expect.stringContaining('witness.test/w1 has signed a checkpoint of') });
  });

  it('that is away, slow, or elsewhere stops nothing, neither a start nor a stop', async () => {
    witness.trouble = () => {};
    await start();
    await makeTenant(product, 'acme');
    const stopped = performance.now();
    expect((await product.stop()).code).toBe(0);
    // 5 s are for the witness; the rest is what a busy machine takes.
    expect(performance.now() - stopped).toBeLessThan(25_000);
    witness.trouble = (response) => void response.writeHead(302, { location: '/elsewhere' }).end();
    await start();
    expect(await logged('audit_witness_failed')).toMatchObject({ level: 'warn', msg: expect.stringContaining('answered 302') });
    expect(await ready()).toEqual({ ready: true, degraded: ['witness'] });
  });

  it('tells of an older database, also where the last head of this machine was put back with it', async () => {
    await learned();
    await start();
    await logged('audit_checkpoint_witnessed');
    await product.stop();
    const files = ['keyhold.db', 'audit-head', 'audit-witnessed'];
    for (const file of files) await copyFile(join(dataDir, 'data', file), join(dataDir, `old-${file}`));
    await start();
    await makeTenant(product, 'acme');
    await product.stop();
    for (const file of files) await copyFile(join(dataDir, `old-${file}`), join(dataDir, 'data', file));
    for (const name of ['-wal', '-shm']) await rm(join(dataDir, 'data', `keyhold.db${name}`), { force: true });
    await start();
    expect(await logged('audit_witness_disagrees')).toMatchObject({ level: 'error', msg: expect.stringMatching(/has seen \d+ rows|another audit log under this name/) });
  });
});
