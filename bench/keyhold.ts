import { rm } from 'node:fs/promises';
import { handOver, makeTenant, type TestTenant } from '../test/support/api.ts';
import { startProduct, temporaryFolder } from '../test/support/product.ts';
import { servedBy } from '../test/support/worker-processes.ts';
import { pidOf } from './child.ts';
import { providerKey } from './payload.ts';

/** A real Keyhold process with a tenant, a sealed credential, a gateway key, limits and budgets. Usage is metered and everything audited, as always. */
export interface BenchKeyhold {
  readonly url: string;
  readonly pid: number;
  readonly gatewayKey: string;
  /** Requests that the tenant's usage has on account. */
  metered(): Promise<number>;
  close(): Promise<void>;
}

/** `profileTo`: the folder that gets a processor profile when the process ends; profiling itself costs some speed. `workers`: processes that serve. */
export async function startKeyhold(upstream: string, profileTo: string | undefined, workers = 1): Promise<BenchKeyhold> {
  const dataDir = await temporaryFolder();
  const product = await startProduct({
    dataDir,
    env: {
      NODE_ENV: profileTo === undefined ? 'production' : 'development',
      ...(profileTo === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileTo}` }),
      KEYHOLD_SERVICE_BASE_URL_OPENAI: `${upstream}/v1`,
      KEYHOLD_WORKERS: String(workers),
    },
  });
  if (workers > 1) await servedBy(product, workers);
  const tenant = await makeTenant(product, 'bench');
  await handOver(tenant, 'openai', providerKey);
  // Of every kind, and never reached.
  const rates = [{ max: 1_000_000_000, per: 'minute' }];
  await tenant.admin.must('PUT', `/api/v1/tenants/${tenant.id}/limits`, { requests: rates, tokens: rates, concurrent: 100_000 });
  const budgets = [
    { amount: { money: '1000000.00' }, per: 'month', hard: true },
    { amount: { tokens: 1_000_000_000_000 }, per: 'day', hard: true },
  ];
  await tenant.admin.must('PUT', `/api/v1/tenants/${tenant.id}/budgets`, { budgets });
  return {
    url: product.url,
    pid: pidOf(product.process),
    gatewayKey: tenant.gatewayKey,
    metered: () => meteredRequests(tenant),
    close: async () => {
      await product.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function meteredRequests({ admin, id }: TestTenant): Promise<number> {
  const { body } = await admin.must('GET', `/api/v1/tenants/${id}/usage`);
  return Number((body['totals'] as Readonly<Record<string, unknown>>)['requests']);
}
