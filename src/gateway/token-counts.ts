import type { UsageReading } from '../core/catalog/service.ts';
import type { MeteredCounts } from '../ports/usage.ts';

export const noTokens: MeteredCounts = Object.freeze({
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  longCacheWriteTokens: 0,
  audioInputTokens: 0,
  audioOutputTokens: 0,
});

/** Where Anthropic tells for how long what it keeps is kept. */
export const CACHE_CREATION = 'cache_creation';

/** More than any model reads or writes at once. What tells of more, such as a server of a tenant's own, tells nothing: sums of such counts would be no whole numbers any more. */
const MOST_TOKENS = 1_000_000_000;

type Fields = Readonly<Record<string, unknown>>;

/** The counts in a provider's `usage` object, or undefined when it has none of them. An explicit 0 is a count (FACTS 4). */
export function tokenCounts(usage: unknown, reading: UsageReading): MeteredCounts | undefined {
  return isFields(usage) ? readers[reading](usage) : undefined;
}

const readers: Readonly<Record<UsageReading, (usage: Fields) => MeteredCounts | undefined>> = {
  'openai-chat': chatCounts,
  'openai-embeddings': chatCounts,
  'openai-responses': responsesCounts,
  'anthropic-messages': messagesCounts,
  none: () => undefined,
};

/** Some providers leave thinking out of `completion_tokens`, but never out of `total_tokens`. */
function chatCounts(usage: Fields): MeteredCounts | undefined {
  const input = count(usage['prompt_tokens']);
  const output = count(usage['completion_tokens']);
  const total = count(usage['total_tokens']);
  if (input === undefined && output === undefined && total === undefined) return undefined;
  const inputTokens = input ?? Math.max(0, (total ?? 0) - (output ?? 0));
  return {
    inputTokens,
    outputTokens: Math.max(output ?? 0, total === undefined ? 0 : total - inputTokens),
    cachedTokens: detail(usage, 'prompt_tokens_details', 'cached_tokens') ?? count(usage['prompt_cache_hit_tokens']) ?? 0,
    cacheWriteTokens: detail(usage, 'prompt_tokens_details', 'cache_write_tokens') ?? 0,
    reasoningTokens: detail(usage, 'completion_tokens_details', 'reasoning_tokens') ?? 0,
    longCacheWriteTokens: 0,
    audioInputTokens: detail(usage, 'prompt_tokens_details', 'audio_tokens') ?? 0,
    audioOutputTokens: detail(usage, 'completion_tokens_details', 'audio_tokens') ?? 0,
  };
}

function responsesCounts(usage: Fields): MeteredCounts | undefined {
  const input = count(usage['input_tokens']);
  const output = count(usage['output_tokens']);
  if (input === undefined && output === undefined) return undefined;
  return {
    inputTokens: input ?? 0,
    outputTokens: output ?? 0,
    cachedTokens: detail(usage, 'input_tokens_details', 'cached_tokens') ?? 0,
    cacheWriteTokens: detail(usage, 'input_tokens_details', 'cache_write_tokens') ?? 0,
    reasoningTokens: detail(usage, 'output_tokens_details', 'reasoning_tokens') ?? 0,
    longCacheWriteTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
  };
}

/** Anthropic's `input_tokens` are only those that neither came from its cache nor went into it; ours are all of them. */
function messagesCounts(usage: Fields): MeteredCounts | undefined {
  const input = count(usage['input_tokens']);
  const output = count(usage['output_tokens']);
  if (input === undefined && output === undefined) return undefined;
  const cachedTokens = count(usage['cache_read_input_tokens']) ?? 0;
  const cacheWriteTokens = count(usage['cache_creation_input_tokens']) ?? 0;
  return {
    inputTokens: (input ?? 0) + cachedTokens + cacheWriteTokens,
    outputTokens: output ?? 0,
    cachedTokens,
    cacheWriteTokens,
    reasoningTokens: 0,
    // https://platform.claude.com/docs/en/build-with-claude/prompt-caching#1-hour-cache-duration
    longCacheWriteTokens: detail(usage, CACHE_CREATION, 'ephemeral_1h_input_tokens') ?? 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
  };
}

function detail(usage: Fields, group: string, name: string): number | undefined {
  const details = usage[group];
  return isFields(details) ? count(details[name]) : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
