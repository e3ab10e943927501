import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CredentialStep } from '../../src/core/credentials/steps.ts';
import { until } from '../support/outcome.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { readStoredState } from '../support/stored-state.ts';
import { pathOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const steps = ['put.stored', 'move.begun', 'move.stored'] as const satisfies readonly CredentialStep[];

let world: VaultWorld;

async function start(): Promise<void> {
  await world.start({ entry, env: { KEYHOLD_SEAL_BEFORE_STORE: 'true', TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300' } });
}

const arm = (...lines: readonly string[]): Promise<void> => writeFile(join(world.dataDir, 'stop-at'), lines.join('\n'));
const idOf = (step: CredentialStep): string => step.replace('.', '-');

async function shredding(id: string): Promise<{ readonly certificate: string | null } | undefined> {
  const { body } = await world.platform().must('GET', `/api/v1/platform/shreddings?tenant=${id}`);
  return (body['items'] as readonly { readonly certificate: string | null }[])[0];
}

describeWithVault('S16: shredding a tenant while a write of its sealed values to Vault is open', () => {
  beforeAll(async () => {
    world = await startVaultWorld();
    await arm();
    await start();
  });
  afterAll(async () => world.close());

  it.each(steps)('%s: the shredding is done, and a kill -9 leaves the write to the next start', async (step) => {
    const tenant = await tenantWithKey(world, idOf(step), 'sk-test-first-key-00000001');
    await arm(`hold ${step}`);
    if (step.startsWith('put.')) void tenant.admin.call('PUT', `/api/v1/tenants/${tenant.id}/credentials/openai`, { fields: { api_key: 'sk-test-second-key-0000002' } }).catch(() => undefined);
    else await world.platform().must('POST', '/api/v1/platform/keys/rotate-data', { tenant: tenant.id });
    await until('the write is open', () => readStoredState(world.dataDir).credentials.some(({ scope, intent }) => scope.kind === 'tenant' && scope.tenant === tenant.id && intent !== null), 60_000);
    if (!step.endsWith('.begun')) await until('it has arrived', async () => (await versionsInVault(world.vault, pathOf(tenant))).length > 1, 60_000);
    await world.platform().must('POST', `/api/v1/tenants/${tenant.id}/shred`);
    await world.product().kill();
    await arm();
    await start();
  });

  it('each tenant is gone in the end, certified, with nothing of it left in Vault', { timeout: 240_000 }, async () => {
    for (const id of steps.map(idOf)) {
      await until(`${id} is certified`, async () => ((await shredding(id))?.certificate ?? null) !== null, 90_000);
      expect((await versionsInVault(world.vault, pathOf({ id }))).filter(({ state }) => state !== 'destroyed'), id).toEqual([]);
    }
  });
});
