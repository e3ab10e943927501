import type { Service } from '../../src/core/catalog/service.ts';
import { bearerEndpoint, chatWithLooseEnd, embeddings, plainResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://docs.cohere.com/docs/compatibility-api; it refuses `stream_options`. Fine-tuned models end in `-ft`. */
export const cohere: Service = {
  id: 'cohere',
  name: 'Cohere',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^\\w{30,}$', environment: 'COHERE_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.cohere.ai/compatibility/v1') },
    defaultModel: 'command-a-03-2025',
    routes: [chatWithLooseEnd, embeddings],
    // What it tells its models before every request counts in the usage.
    ownInput: { always: 1_000, withTools: 1_000 },
    accountModels: ['*-ft'],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: ['x-api-warning', 'x-endpoint-monthly-*', 'x-trial-*'],
    requestIdHeader: 'x-debug-trace-id',
  },
};
