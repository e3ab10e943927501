import type { Service } from '../../src/core/catalog/service.ts';
import {
  accountModelList,
  bearerEndpoint,
  chatWithoutOptions,
  completionsWithoutOptions,
  embeddings,
  openAiBodyAnd,
  plainResponseHeaders,
  rateResponseHeaders,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';

/** https://docs.together.ai/docs/openai-api-compatibility; usage comes in the last chunk, and `safety_model` runs a second model. */
export const together: Service = {
  id: 'together',
  name: 'Together AI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^[\\w-]{32,}$', environment: 'TOGETHER_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.together.xyz/v1', openAiBodyAnd({ modelKeys: ['safety_model'] })) },
    defaultModel: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    routes: [chatWithoutOptions, completionsWithoutOptions, embeddings, accountModelList],
    // Templates of open models, which differ.
    ownInput: { always: 250, withTools: 500 },
    accountModels: [],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: 'x-request-id',
  },
};
