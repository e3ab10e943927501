import { describe, expect, it } from 'vitest';
import { tokenCounts } from './token-counts.ts';

describe('R5.3 and FACTS 4 token counts', () => {
  it.each([
    ['openai-chat', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 2 } }, [10, 5, 4, 0, 2]],
    ['openai-chat', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 }, [10, 30, 0, 0, 0]],
    ['openai-chat', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, [0, 0, 0, 0, 0]],
    ['openai-chat', { prompt_tokens: 7, completion_tokens: 1, prompt_cache_hit_tokens: 3 }, [7, 1, 3, 0, 0]],
    ['openai-embeddings', { prompt_tokens: 8, total_tokens: 8 }, [8, 0, 0, 0, 0]],
    ['openai-responses', { input_tokens: 3, output_tokens: 4, input_tokens_details: { cached_tokens: 1 }, output_tokens_details: { reasoning_tokens: 2 } }, [3, 4, 1, 0, 2]],
    ['anthropic-messages', { input_tokens: 3, output_tokens: 4, cache_read_input_tokens: 100, cache_creation_input_tokens: 20 }, [123, 4, 100, 20, 0]],
  ] as const)('%s reads %j', (reading, usage, [inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens]) => {
    expect(tokenCounts(usage, reading)).toMatchObject({ inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens });
  });

  it('reads what only the price depends on: for how long Anthropic keeps what it keeps, and audio', () => {
    expect(tokenCounts({ input_tokens: 3, output_tokens: 4, cache_creation_input_tokens: 20, cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 15 } }, 'anthropic-messages')).toMatchObject({ cacheWriteTokens: 20, longCacheWriteTokens: 15 });
    expect(tokenCounts({ prompt_tokens: 30, completion_tokens: 40, prompt_tokens_details: { audio_tokens: 25 }, completion_tokens_details: { audio_tokens: 35 } }, 'openai-chat')).toMatchObject({ audioInputTokens: 25, audioOutputTokens: 35 });
  });

  it.each([[null], [undefined], [{}], [[]], ['x'], [{ prompt_tokens: -1 }], [{ prompt_tokens: '5' }], [{ prompt_tokens: 1.5 }], [{ prompt_tokens: 9_007_199_254_740_991, completion_tokens: 1e300 }]])('finds none in %j', (usage) => {
    expect(tokenCounts(usage, 'openai-chat')).toBeUndefined();
    expect(tokenCounts(usage, 'none')).toBeUndefined();
  });
});
