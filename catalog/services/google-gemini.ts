import type { Service } from '../../src/core/catalog/service.ts';
import { accountModelList, bearerEndpoint, chat, embeddings, openAiBodyAnd, plainResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://ai.google.dev/gemini-api/docs/openai; cached contents and tuned models are the account's. Its parser takes camelCase names too. */
export const googleGemini: Service = {
  id: 'google-gemini',
  name: 'Google Gemini',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^[\\w.-]{30,}$', environment: 'GEMINI_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: {
      openai: bearerEndpoint(
        'https://generativelanguage.googleapis.com/v1beta/openai',
        openAiBodyAnd({ referenceKeys: ['cached_content', 'cachedContent', 'fileUri', 'file_uri'] }),
      ),
    },
    defaultModel: 'gemini-2.5-flash',
    routes: [chat, embeddings, accountModelList],
    // https://ai.google.dev/gemini-api/docs/models, «output token limit» of each.
    longestAnswers: [
      { models: 'gemini-3*', tokens: 65_536 },
      { models: 'gemini-2.5*', tokens: 65_536 },
      { models: 'gemini-2.0-flash-thinking*', tokens: 65_536 },
      { models: 'gemini-2.0*', tokens: 8_192 },
    ],
    // https://ai.google.dev/gemini-api/docs/media-resolution; earlier models cut pictures into as many tiles as they are large.
    pictures: [{ models: 'gemini-3*', tokens: 2_500 }],
    ownInput: { always: 50, withTools: 250 },
    accountModels: ['tunedModels/*'],
    requestHeaders: sdkRequestHeaders,
    accountHeaders: [...sdkAccountHeaders, 'x-goog-user-project'],
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: [],
    requestIdHeader: null,
  },
};
