import type { Service } from '../../src/core/catalog/service.ts';
import {
  bearerEndpoint,
  chat,
  completions,
  embeddings,
  openAiBodyAnd,
  plainResponseHeaders,
  publicModelList,
  rateResponseHeaders,
  responses,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';

/** https://openrouter.ai/docs/api-reference/overview; `models` are fallbacks, presets are kept in the account. */
export const openrouter: Service = {
  id: 'openrouter',
  name: 'OpenRouter',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^sk-or-[\\w-]+$', environment: 'OPENROUTER_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://openrouter.ai/api/v1', openAiBodyAnd({ referenceKeys: ['preset'] })) },
    defaultModel: 'openai/gpt-4o-mini',
    routes: [chat, completions, embeddings, responses, publicModelList],
    // https://openrouter.ai/docs/guides/features/plugins/web-search
    searchingModels: ['*:online', '*search*', 'perplexity/*', 'openrouter/auto*'],
    // As much as the most of those whose models it sells.
    ownInput: { always: 1_000, withTools: 3_000 },
    accountModels: ['*@preset/*'],
    requestHeaders: [...sdkRequestHeaders, 'http-referer', 'x-title'],
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: 'x-generation-id',
  },
};
