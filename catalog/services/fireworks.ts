import type { Service } from '../../src/core/catalog/service.ts';
import {
  accountModelList,
  bearerEndpoint,
  chatWithoutOptions,
  completionsWithoutOptions,
  embeddings,
  plainResponseHeaders,
  rateResponseHeaders,
  responses,
  sdkAccountHeaders,
  sdkRequestHeaders,
} from '../formats/openai.ts';

/** https://docs.fireworks.ai/tools-sdks/openai-compatibility; usage comes in the last chunk. Models and deployments under other accounts are private. */
export const fireworks: Service = {
  id: 'fireworks',
  name: 'Fireworks AI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^fw_\\w+$', environment: 'FIREWORKS_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://api.fireworks.ai/inference/v1') },
    defaultModel: 'accounts/fireworks/models/llama-v3p3-70b-instruct',
    routes: [chatWithoutOptions, completionsWithoutOptions, embeddings, responses, accountModelList],
    // Templates of open models, which differ.
    ownInput: { always: 250, withTools: 500 },
    accountModels: ['accounts/*', '!accounts/fireworks/*', '*#*'],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: 'x-request-id',
  },
};
