import { rm } from 'node:fs/promises';
import { type Api, apiOf, type TestTenant } from './api.ts';
import { until } from './outcome.ts';
import { type Product, type ProductOptions, startProduct, temporaryFolder } from './product.ts';
import { type ProviderServer, startProviderServer } from './servers/provider-server.ts';
import type { RecordedRequest } from './servers/provider-server-answers.ts';

/** A started Keyhold whose providers are all one server on this machine. */
export interface ProductWithProvider {
  readonly product: Product;
  readonly provider: ProviderServer;
  /** The platform's administrator. */
  readonly platform: Api;
  close(): Promise<void>;
}

export async function startProductWithProvider(options: Omit<ProductOptions, 'dataDir'> = {}): Promise<ProductWithProvider> {
  const provider = await startProviderServer();
  const dataDir = await temporaryFolder();
  const product = await startProduct({ ...options, dataDir, env: { ...baseUrlsOf(provider), ...options.env } });
  return {
    product,
    provider,
    platform: apiOf(product.url),
    close: async () => {
      await product.kill();
      await provider.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Each provider has a path of its own, so that a request tells for whom it was meant. */
export function baseUrlsOf({ url, openAiUrl }: Pick<ProviderServer, 'url' | 'openAiUrl'>): Record<string, string> {
  return {
    KEYHOLD_SERVICE_BASE_URL_OPENAI: openAiUrl,
    KEYHOLD_SERVICE_BASE_URL_AZURE_OPENAI: `${url}/azure`,
    KEYHOLD_SERVICE_BASE_URL_ANTHROPIC: `${url}/anthropic`,
    KEYHOLD_SERVICE_BASE_URL_GROQ: `${url}/groq/v1`,
    KEYHOLD_SERVICE_BASE_URL_OPENROUTER: `${url}/openrouter/v1`,
  };
}

/** The request that this model's name came with. Throws unless it is the only one. */
export function requestFor({ requests }: ProviderServer, model: string): RecordedRequest {
  const [found, ...others] = requestsFor(requests, model);
  if (found === undefined || others.length > 0) throw new Error(`The provider got ${found === undefined ? 'no request' : `${others.length + 1} requests`} for ${model}.`);
  return found;
}

export function requestsFor(requests: readonly RecordedRequest[], model: string): RecordedRequest[] {
  return requests.filter(({ body }) => body.includes(JSON.stringify(model)));
}

type UsageEventBody = Readonly<Record<string, unknown>>;

/** The tenant's usage events, newest first; of one model where it is given. */
export async function usageEvents({ admin, id }: TestTenant, model?: string): Promise<UsageEventBody[]> {
  const { body } = await admin.must('GET', `/api/v1/tenants/${id}/usage/events?limit=200`);
  const items = body['items'] as UsageEventBody[];
  return model === undefined ? items : items.filter((event) => event['model'] === model);
}

/** The one usage event of this model, as soon as it is there. */
export async function usageEvent(tenant: TestTenant, model: string): Promise<UsageEventBody> {
  const [event, ...others] = await until(`the usage of ${model}`, async () => {
    const events = await usageEvents(tenant, model);
    return events.length > 0 && events;
  });
  if (event === undefined || others.length > 0) throw new Error(`There are ${others.length + 1} usage events of ${model}.`);
  return event;
}
