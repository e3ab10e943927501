import type { Service } from '../../src/core/catalog/service.ts';
import { accountModelList, chat, completions, embeddings, openAiBody, plainResponseHeaders, rateResponseHeaders, responses, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** A deployment of one's own that speaks OpenAI's format (vLLM, TGI, a gateway of the company): where it is, and under which names it has its models, is registered with its key. */
export const openaiCompatible: Service = {
  id: 'openai-compatible',
  name: 'OpenAI-compatible deployment',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true }],
  settings: [
    { name: 'endpoint', kind: 'https-url', required: true },
    { name: 'deploymentMappings', kind: 'text-map', required: false },
  ],
  gateway: {
    endpoints: { openai: { baseUrl: { setting: 'endpoint', path: '' }, modelNames: 'deploymentMappings', keyHeader: 'authorization', keyPrefix: 'Bearer ', keyField: 'api_key', body: openAiBody } },
    defaultModel: 'default',
    routes: [chat, completions, embeddings, responses, accountModelList],
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
