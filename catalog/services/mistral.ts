import type { Service } from '../../src/core/catalog/service.ts';
import {
  accountModelList,
  bearerEndpoint,
  chatWithoutOptions,
  embeddings,
  moderations,
  openAiBodyAnd,
  plainResponseHeaders,
  rateResponseHeaders,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';

/** https://docs.mistral.ai/api; it refuses `stream_options` (422) and tells usage in the last chunk. Agents, libraries and fine-tuned models are the account's. */
export const mistral: Service = {
  id: 'mistral',
  name: 'Mistral AI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^\\w{32}$', environment: 'MISTRAL_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.mistral.ai/v1', openAiBodyAnd({ referenceKeys: ['agent_id', 'library_ids'] })) },
    defaultModel: 'mistral-small-latest',
    routes: [chatWithoutOptions, embeddings, moderations, accountModelList],
    ownInput: { always: 50, withTools: 250 },
    accountModels: ['ft:*', 'ag:*'],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: [...rateResponseHeaders, 'ratelimit-*', 'ratelimitbysize-*'],
    requestIdHeader: 'mistral-correlation-id',
  },
};
