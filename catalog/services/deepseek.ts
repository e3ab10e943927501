import type { Service } from '../../src/core/catalog/service.ts';
import { accountModelList, bearerEndpoint, chat, plainResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://api-docs.deepseek.com */
export const deepseek: Service = {
  id: 'deepseek',
  name: 'DeepSeek',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^sk-\\w+$', environment: 'DEEPSEEK_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.deepseek.com/v1') },
    defaultModel: 'deepseek-chat',
    routes: [chat, accountModelList],
    // https://api-docs.deepseek.com/quick_start/pricing, «max output» of each.
    longestAnswers: [
      { models: 'deepseek-chat', tokens: 8_192 },
      { models: 'deepseek-reasoner', tokens: 65_536 },
    ],
    ownInput: { always: 50, withTools: 500 },
    accountModels: [],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: [],
    requestIdHeader: 'x-ds-trace-id',
  },
};
