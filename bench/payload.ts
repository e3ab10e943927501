/** What every gateway of the benchmark is sent and answers: about 1 KB each way, as an SDK and a provider would. */

/** The key that callers present to nginx and to the bare proxy; Keyhold makes its own. Not a real one. */
export const callerKey = 'bench-caller-0123456789abcdefghijklmnopqrstuvwxyz-0123456789-abcdef';
/** The key that goes to the provider. Not a real one. */
export const providerKey = 'sk-test-bench-0123456789abcdefghijklmnopqrstuvwxyz';

export const chatPath = '/v1/chat/completions';

/** Events of one stream, its usage and its end not counted. */
const EVENTS_PER_STREAM = 40;

const words = 'The quick brown fox jumps over the lazy dog and keeps its keys to itself. ';

/** A request of about 1 KB. */
export function chatRequest(model: string, stream: boolean): string {
  return JSON.stringify({
    model,
    messages: [
      { role: 'system', content: 'You are a careful assistant that answers in one short paragraph.' },
      { role: 'user', content: words.repeat(10) },
    ],
    temperature: 0.2,
    max_tokens: 256,
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  });
}

/** An answer of about 1 KB. */
export function chatAnswer(): string {
  return JSON.stringify({
    id: 'chatcmpl-bench0000000000000000000000',
    object: 'chat.completion',
    created: 1_780_000_000,
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: words.repeat(7), refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 210, completion_tokens: 120, total_tokens: 330, prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } },
  });
}

/** The events of one stream, each a whole frame; the last two are the usage and the end. */
export function streamFrames(): readonly string[] {
  const chunk = (rest: object): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-bench0000000000000000000000', object: 'chat.completion.chunk', created: 1_780_000_000, model: 'gpt-4o-mini', ...rest })}\n\n`;
  const token = chunk({ choices: [{ index: 0, delta: { content: ' keyhold' }, logprobs: null, finish_reason: null }] });
  const usage = chunk({ choices: [], usage: { prompt_tokens: 210, completion_tokens: EVENTS_PER_STREAM, total_tokens: 210 + EVENTS_PER_STREAM } });
  return [...Array.from({ length: EVENTS_PER_STREAM }, () => token), usage, 'data: [DONE]\n\n'];
}
