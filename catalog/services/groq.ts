import type { Service } from '../../src/core/catalog/service.ts';
import { accountModelList, bearerEndpoint, chat, plainResponseHeaders, rateResponseHeaders, responses, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://console.groq.com/docs/openai */
export const groq: Service = {
  id: 'groq',
  name: 'Groq',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^gsk_\\w+$', environment: 'GROQ_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.groq.com/openai/v1') },
    defaultModel: 'llama-3.3-70b-versatile',
    routes: [chat, responses, accountModelList],
    // https://console.groq.com/docs/compound
    searchingModels: ['*compound*'],
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
