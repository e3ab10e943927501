import type { TokensOf } from '../../src/core/catalog/service.ts';

/** https://platform.openai.com/docs/models, «max output tokens» of each. */
export const longestAnswers: readonly TokensOf[] = [
  { models: 'gpt-5-pro*', tokens: 272_000 },
  { models: 'gpt-5*', tokens: 128_000 },
  { models: 'gpt-4.1*', tokens: 32_768 },
  { models: 'gpt-4o-64k*', tokens: 65_536 },
  { models: 'gpt-4o*', tokens: 16_384 },
  { models: 'chatgpt-4o-latest', tokens: 16_384 },
  { models: 'gpt-4-32k*', tokens: 32_768 },
  { models: 'gpt-4-*', tokens: 8_192 },
  { models: 'gpt-4', tokens: 8_192 },
  { models: 'gpt-3.5-turbo-16k*', tokens: 16_384 },
  { models: 'gpt-3.5-turbo*', tokens: 4_096 },
  { models: 'o1*', tokens: 100_000 },
  { models: 'o3*', tokens: 100_000 },
  { models: 'o4-mini*', tokens: 100_000 },
];

/** https://platform.openai.com/docs/guides/images-vision#calculating-costs: eight tiles and their base, or the most patches times the model's factor. */
export const pictures: readonly TokensOf[] = [
  { models: 'gpt-4o-mini*', tokens: 48_169 },
  { models: 'gpt-4o*', tokens: 1_445 },
  { models: 'chatgpt-4o-latest', tokens: 1_445 },
  { models: 'gpt-4.1-mini*', tokens: 2_489 },
  { models: 'gpt-4.1-nano*', tokens: 3_779 },
  { models: 'gpt-4.1*', tokens: 1_445 },
  { models: 'gpt-4-turbo*', tokens: 1_445 },
  { models: 'o1*', tokens: 1_275 },
  { models: 'o3*', tokens: 1_275 },
  { models: 'o4-mini*', tokens: 2_643 },
  { models: 'gpt-5*', tokens: 24_600 },
];

/** https://platform.openai.com/docs/models/gpt-4o-search-preview, https://platform.openai.com/docs/guides/deep-research */
export const searchingModels: readonly string[] = ['*search*'];
