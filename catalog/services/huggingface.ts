import type { Service } from '../../src/core/catalog/service.ts';
import { bearerEndpoint, chat, plainResponseHeaders, publicModelList, rateResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://huggingface.co/docs/inference-providers; some of the providers behind it end a stream without `[DONE]`. */
export const huggingface: Service = {
  id: 'huggingface',
  name: 'Hugging Face',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^hf_\\w+$', environment: 'HF_TOKEN' }],
  settings: [],
  gateway: {
    endpoints: { openai: bearerEndpoint('https://router.huggingface.co/v1') },
    defaultModel: 'openai/gpt-oss-120b',
    routes: [{ ...chat, streamEnd: { finished: ['[DONE]'], failed: [], finishReasonSuffices: true } }, publicModelList],
    // Templates of open models, which differ.
    ownInput: { always: 250, withTools: 500 },
    accountModels: [],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: [...sdkAccountHeaders, 'x-hf-bill-to'],
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: rateResponseHeaders,
    requestIdHeader: 'x-request-id',
  },
};
