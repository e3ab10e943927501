import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { blockAuditLog, unblockAuditLog } from '../support/blocked-audit-log.ts';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { chainProblems, readStoredState } from '../support/stored-state.ts';

let dataDir: string;
let product: Product;
let acme: TestTenant;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  product = await startProduct({ dataDir });
  acme = await makeTenant(product, 'acme');
  for (const service of ['openai', 'anthropic']) await handOver(acme, service, `sk-test-emergency-${service}`);
});

afterEach(async () => {
  await product.kill();
  await rm(dataDir, { recursive: true, force: true });
});

/** What must go on, and what must not, while no audit row can be written. */
async function endThings(): Promise<readonly string[]> {
  const base = '/api/v1/tenants/acme';
  const token = (await acme.admin.call('POST', `${base}/tokens`, { name: 'x', role: 'tenant-member' })).status;
  const steps: readonly (readonly [string, number, Promise<{ status: number; text: string }>])[] = [
    ['put', 503, acme.admin.call('PUT', `${base}/credentials/openai`, { fields: { api_key: 'sk-test-emergency-refused' } })],
    ['disable and more', 503, acme.admin.call('PATCH', `${base}/credentials/openai`, { disabled: true, notes: 'x' })],
    ['enable', 503, acme.admin.call('PATCH', `${base}/credentials/openai`, { disabled: false })],
    ['disable', 200, acme.admin.call('PATCH', `${base}/credentials/openai`, { disabled: true }, { 'x-request-id': 'emergency.disable' })],
    ['revoke', 200, acme.admin.call('POST', `${base}/credentials/anthropic/revoke`, {}, { 'x-request-id': 'emergency.revoke' })],
    ['revoke a gateway key', 200, acme.admin.call('DELETE', `${base}/gateway-keys/${acme.gatewayKeyId}`, undefined, { 'x-request-id': 'emergency.key' })],
  ];
  expect(token).toBe(503);
  for (const [what, status, answer] of steps) expect([what, (await answer).status, (await answer).text]).toEqual([what, status, expect.any(String)]);
  return ['emergency.disable', 'emergency.revoke', 'emergency.key'];
}

async function states(): Promise<readonly unknown[]> {
  const found = [];
  for (const service of ['openai', 'anthropic']) found.push((await acme.admin.must('GET', `/api/v1/tenants/acme/credentials/${service}`)).body['state']);
  return found;
}

/** Each of these requests has its intent and its outcome in the log, once. */
function expectRows(requestIds: readonly string[]): void {
  const stored = readStoredState(dataDir);
  expect(chainProblems(stored)).toEqual([]);
  for (const requestId of requestIds) {
    const rows = stored.auditRows.filter((row) => row.requestId === requestId);
    expect([requestId, rows.map(({ phase, outcome }) => [phase, outcome])]).toEqual([requestId, [['intent', null], ['outcome', 'ok']]]);
  }
}

async function until(what: () => boolean): Promise<void> {
  for (let round = 0; round < 1_000 && !what(); round += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(what()).toBe(true);
}

describe('while the audit log cannot be written (R10.3, S29)', () => {
  it('keys are revoked and disabled, with rows that reach the log when it is back; everything else is refused', async () => {
    blockAuditLog(dataDir);
    const requests = await endThings();
    expect(await states()).toEqual(['disabled', 'revoked']);
    expect(product.logLines().some(({ event }) => event === 'audit_row_journaled')).toBe(true);
    unblockAuditLog(dataDir);
    await until(() => product.logLines().some(({ event }) => event === 'audit_recovered'));
    await until(() => readStoredState(dataDir).auditRows.some(({ requestId, phase }) => requestId === requests.at(-1) && phase === 'outcome'));
    expectRows(requests);
    expect((await acme.admin.call('PATCH', '/api/v1/tenants/acme/credentials/openai', { disabled: false })).status).toBe(200);
  });

  it('a process that is killed then owes no row: the next one places them', async () => {
    blockAuditLog(dataDir);
    const requests = await endThings();
    await product.kill();
    unblockAuditLog(dataDir);
    product = await startProduct({ dataDir });
    expect(product.logLines().find(({ event }) => event === 'audit_journal_placed')).toMatchObject({ count: 6 });
    expectRows(requests);
    acme = { ...acme, admin: apiOf(product.url, acme.admin.token) };
    expect(await states()).toEqual(['disabled', 'revoked']);
    await product.kill();
    product = await startProduct({ dataDir });
    expect(product.logLines().some(({ event }) => event === 'audit_journal_placed')).toBe(false);
    expectRows(requests);
  });
});
