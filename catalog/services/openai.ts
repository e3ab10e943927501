import type { Service } from '../../src/core/catalog/service.ts';
import {
  accountModelEntry,
  accountModelList,
  bearerEndpoint,
  chat,
  clientSecrets,
  completions,
  embeddings,
  moderations,
  plainResponseHeaders,
  rateResponseHeaders,
  responses,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';
import { longestAnswers, pictures, searchingModels } from '../formats/openai-models.ts';

/** https://platform.openai.com/docs/api-reference */
export const openai: Service = {
  id: 'openai',
  name: 'OpenAI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^sk-[\\w-]+$', environment: 'OPENAI_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.openai.com/v1') },
    defaultModel: 'gpt-4o-mini',
    routes: [chat, completions, embeddings, responses, moderations, clientSecrets, accountModelList, accountModelEntry],
    longestAnswers,
    pictures,
    searchingModels,
    accountModels: ['ft:*', '*:ft-*'],
    requestHeaders: [...sdkRequestHeaders, 'openai-beta', 'x-client-request-id'],
    accountHeaders: [...sdkAccountHeaders, 'openai-organization', 'openai-project'],
    responseHeaders: [...plainResponseHeaders, 'openai-model', 'openai-processing-ms', 'openai-version'],
    accountResponseHeaders: [...rateResponseHeaders, 'openai-organization', 'openai-project'],
    requestIdHeader: 'x-request-id',
  },
};
