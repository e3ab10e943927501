import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { apiOf } from '../support/api.ts';
import { type Product, runToEnd, startProduct, temporaryFolder } from '../support/product.ts';

const one = 'an-administrator-chose-this-text-1';
const two = 'an-administrator-chose-this-text-2';

async function signsIn({ url }: Product, token: string): Promise<boolean> {
  return (await apiOf(url, token).call('GET', '/api/v1/me')).status === 200;
}

it('S28: KEYHOLD_ADMIN_TOKEN set, changed and unset over restarts, and the way back in', async () => {
  const dataDir = await temporaryFolder();
  const start = (adminToken: string) => startProduct({ dataDir, env: { KEYHOLD_ADMIN_TOKEN: adminToken } });
  const noAdministrator = (product: Product): boolean => product.logLines().some(({ event }) => event === 'no_administrator');

  let product = await start(one);
  expect([await signsIn(product, one), noAdministrator(product)]).toEqual([true, false]);
  await product.stop();

  product = await start(two);
  expect([await signsIn(product, one), await signsIn(product, two)]).toEqual([false, true]);
  await product.stop();

  // No first token is made instead; that nobody is left is said, with the way back.
  product = await start('');
  expect([await signsIn(product, one), await signsIn(product, two), noAdministrator(product)]).toEqual([false, false, true]);
  await product.stop();

  const made = await runToEnd({ dataDir, args: ['token', 'new-admin'], env: { KEYHOLD_ADMIN_TOKEN: '' } });
  expect(made.code).toBe(0);
  const back = (await readFile(join(dataDir, 'data', 'admin-token'), 'utf8')).trim();
  product = await start('');
  expect([await signsIn(product, back), noAdministrator(product)]).toEqual([true, false]);
  const { body } = await apiOf(product.url, back).must('GET', '/api/v1/audit?limit=100');
  const outcomes = (body['items'] as { phase: string; action: string; actor: { id: string }; outcome: string }[])
    .filter(({ phase, action }) => phase === 'outcome' && action.startsWith('token.'))
    .map(({ action, actor, outcome }) => `${action} by ${actor.id}: ${outcome}`);
  expect(outcomes).toEqual(['token.create by command-line: ok', 'token.revoke by bootstrap: ok', 'token.create by bootstrap: ok', 'token.revoke by bootstrap: ok', 'token.create by bootstrap: ok']);
  await product.stop();
});
