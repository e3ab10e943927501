import type { Service } from '../../src/core/catalog/service.ts';
import {
  accountModelList,
  bearerEndpoint,
  chat,
  embeddings,
  openAiBodyAnd,
  plainResponseHeaders,
  rateResponseHeaders,
  responses,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';

/** https://docs.x.ai/docs/api-reference; a deferred answer is fetched later, from the account. */
export const xai: Service = {
  id: 'xai',
  name: 'xAI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^xai-\\w+$', environment: 'XAI_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.x.ai/v1', openAiBodyAnd({ referenceKeys: ['collection_ids', 'deferred'] })) },
    defaultModel: 'grok-4',
    routes: [chat, responses, embeddings, accountModelList],
    // Grok has words of its own before every request, several hundred tokens of them.
    ownInput: { always: 1_000, withTools: 500 },
    accountModels: [],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: [...sdkAccountHeaders, 'x-grok-conv-id'],
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: 'x-request-id',
  },
};
