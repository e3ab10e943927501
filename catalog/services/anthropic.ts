import type { Service } from '../../src/core/catalog/service.ts';
import { anthropicBody, countTokens, messages } from '../formats/anthropic.ts';
import { bearerEndpoint, chat, plainResponseHeaders, sdkAccountHeaders, sdkRequestHeaders } from '../formats/openai.ts';

/** https://docs.anthropic.com/en/api and, for OpenAI's format, https://docs.anthropic.com/en/api/openai-sdk */
export const anthropic: Service = {
  id: 'anthropic',
  name: 'Anthropic',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^sk-ant-[\\w-]+$', environment: 'ANTHROPIC_API_KEY' }],
  settings: [],
  gateway: {
    endpoints: {
      anthropic: { baseUrl: 'https://api.anthropic.com', keyHeader: 'x-api-key', keyPrefix: '', keyField: 'api_key', body: anthropicBody },
      openai: { ...bearerEndpoint('https://api.anthropic.com/v1'), afterOverride: '/v1' },
    },
    defaultModel: 'claude-haiku-4-5',
    routes: [messages, countTokens, chat],
    // https://docs.anthropic.com/en/docs/about-claude/models/overview, «max output» of each.
    longestAnswers: [
      { models: 'claude-haiku-4-5*', tokens: 64_000 },
      { models: 'claude-*', tokens: 128_000 },
    ],
    // https://docs.anthropic.com/en/docs/build-with-claude/vision: larger ones are made smaller.
    pictures: [{ models: 'claude-*', tokens: 5_000 }],
    // https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing: up to 530 for having tools, and up to 735 and 499 for those of a kind that it knows.
    ownInput: { always: 100, withTools: 3_000 },
    accountModels: [],
    requestHeaders: [...sdkRequestHeaders, 'anthropic-beta', 'anthropic-dangerous-direct-browser-access', 'anthropic-version'],
    accountHeaders: [...sdkAccountHeaders, 'anthropic-workspace-id'],
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: ['anthropic-organization-id', 'anthropic-priority-*', 'anthropic-ratelimit-*'],
    requestIdHeader: 'request-id',
  },
};
