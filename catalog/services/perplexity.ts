import type { Service } from '../../src/core/catalog/service.ts';
import { bearerEndpoint, chatWithLooseEnd, plainResponseHeaders, rateResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://docs.perplexity.ai/api-reference/chat-completions-post; every chunk carries the usage so far. */
export const perplexity: Service = {
  id: 'perplexity',
  name: 'Perplexity',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^pplx-\\w+$', environment: 'PERPLEXITY_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.perplexity.ai') },
    defaultModel: 'sonar',
    routes: [chatWithLooseEnd],
    // https://docs.perplexity.ai/getting-started/pricing: only these are billed for what they read and how often they search.
    searchingModels: ['*deep-research*'],
    accountModels: [],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: null,
  },
};
