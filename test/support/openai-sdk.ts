import { type ClientOptions, OpenAI } from 'openai';
import { reply } from './servers/provider-server-answers.ts';
import type { Product } from './product.ts';

/** The official package, changed in nothing but base URL and key. It does not retry by itself unless told to. */
export function openAi(product: Pick<Product, 'url'>, apiKey: string, options: ClientOptions = {}): OpenAI {
  return new OpenAI({ baseURL: `${product.url}/v1`, apiKey, maxRetries: 0, ...options });
}

/** A chat with one message, for the model of this name. */
export function hello(model: string): { model: string; messages: [{ role: 'user'; content: string }] } {
  return { model, messages: [{ role: 'user', content: 'Hello' }] };
}

/** What the local provider says to it. */
export const helloAnswer = reply('Hello').join('');

export function streamedText(chunks: readonly OpenAI.ChatCompletionChunk[]): string {
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}
