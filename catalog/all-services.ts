import type { Service } from '../src/core/catalog/service.ts';
import { anthropic } from './services/anthropic.ts';
import { azureOpenai } from './services/azure-openai.ts';
import { cohere } from './services/cohere.ts';
import { deepseek } from './services/deepseek.ts';
import { fireworks } from './services/fireworks.ts';
import { googleGemini } from './services/google-gemini.ts';
import { groq } from './services/groq.ts';
import { huggingface } from './services/huggingface.ts';
import { mistral } from './services/mistral.ts';
import { openai } from './services/openai.ts';
import { openaiCompatible } from './services/openai-compatible.ts';
import { openrouter } from './services/openrouter.ts';
import { perplexity } from './services/perplexity.ts';
import { stripe } from './services/stripe.ts';
import { together } from './services/together.ts';
import { twilio } from './services/twilio.ts';
import { xai } from './services/xai.ts';

/** Every service there is data for, in the order in which they are shown (R3.2). */
export const allServices: readonly Service[] = [
  openai,
  azureOpenai,
  openaiCompatible,
  anthropic,
  openrouter,
  googleGemini,
  cohere,
  mistral,
  groq,
  deepseek,
  xai,
  together,
  fireworks,
  perplexity,
  huggingface,
  stripe,
  twilio,
];
