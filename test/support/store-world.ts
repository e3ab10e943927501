import { rm } from 'node:fs/promises';
import { type Api, apiOf, handOver, makeTenant, type TestTenant } from './api.ts';
import { type Product, type ProductOptions, startProduct, temporaryFolder } from './product.ts';
import { baseUrlsOf, requestsFor } from './product-with-provider.ts';
import { type ProviderServer, startProviderServer } from './servers/provider-server.ts';

/** What one request through the gateway came to. */
interface Asked {
  readonly status: number;
  readonly code: string | null;
  readonly source: string | null;
  /** The key that the provider got last; null where it was not called. */
  readonly key: string | null;
}

/** A Keyhold whose keys lie in a store beside it, and a provider on this machine. */
export interface StoreWorld {
  readonly provider: ProviderServer;
  readonly dataDir: string;
  /** With what Keyhold is started. */
  readonly env: Readonly<Record<string, string>>;
  /** The one that runs. */
  product(): Product;
  platform(): Api;
  /** Starts it on the same data folder; the one before has ended. */
  start(options?: Pick<ProductOptions, 'env' | 'entry'>): Promise<Product>;
  tenant(id: string): Promise<TestTenant>;
  /** One chat request with a gateway key. */
  ask(gatewayKey: string): Promise<Asked>;
  close(): Promise<void>;
}

/** Not started yet. `storeEnv`: the variables that switch the store on. */
export async function startStoreWorld(storeEnv: Readonly<Record<string, string>>): Promise<StoreWorld> {
  const [provider, dataDir] = await Promise.all([startProviderServer(), temporaryFolder()]);
  const env = { ...baseUrlsOf(provider), ...storeEnv };
  let running: Product | undefined;
  let asked = 0;
  const product = (): Product => {
    if (running === undefined) throw new Error('Keyhold has not been started.');
    return running;
  };
  return {
    provider,
    dataDir,
    env,
    product,
    platform: () => apiOf(product().url),
    start: async (more = {}) => {
      running = await startProduct({ dataDir, ...more, env: { ...env, ...more.env } });
      return running;
    },
    tenant: (id) => makeTenant(product(), id),
    ask: async (gatewayKey) => {
      asked += 1;
      const model = `asked-${asked}`;
      const { status, body, headers } = await apiOf(product().url, gatewayKey).call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] });
      const error = body['error'] as { readonly code?: string } | undefined;
      return { status, code: error?.code ?? null, source: headers.get('x-keyhold-key-source'), key: requestsFor(provider.requests, model).at(-1)?.key ?? null };
    },
    close: async () => {
      await running?.kill();
      await Promise.all([provider.close(), rm(dataDir, { recursive: true, force: true })]);
    },
  };
}

/** A tenant with a key of its own for openai. */
export async function tenantWithKey(world: Pick<StoreWorld, 'tenant'>, id: string, key: string): Promise<TestTenant> {
  const tenant = await world.tenant(id);
  await handOver(tenant, 'openai', key);
  return tenant;
}
