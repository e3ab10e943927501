import type { LimitState, LimitStates } from '../core/limits/limit-reached.ts';
import type { Clock } from '../ports/clock.ts';
import type { ErrorShape } from './error-shapes.ts';

/**
 * How limits are told in a provider's own headers, as a flat list: OpenAI's
 * (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers) have durations, Anthropic's (https://docs.anthropic.com/en/api/rate-limits#response-headers) times.
 */
export function rateLimitHeaders({ requests, tokens }: LimitStates, shape: ErrorShape, clock: Pick<Clock, 'now'>): string[] {
  const headers: string[] = [];
  const names = shape === 'anthropic' ? anthropicNames : openaiNames;
  if (requests !== undefined) add(headers, names.requests, requests, shape, clock);
  if (tokens !== undefined) add(headers, names.tokens, tokens, shape, clock);
  return headers;
}

interface Names {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

const openaiNames = {
  requests: { limit: 'x-ratelimit-limit-requests', remaining: 'x-ratelimit-remaining-requests', reset: 'x-ratelimit-reset-requests' },
  tokens: { limit: 'x-ratelimit-limit-tokens', remaining: 'x-ratelimit-remaining-tokens', reset: 'x-ratelimit-reset-tokens' },
};
const anthropicNames = {
  requests: { limit: 'anthropic-ratelimit-requests-limit', remaining: 'anthropic-ratelimit-requests-remaining', reset: 'anthropic-ratelimit-requests-reset' },
  tokens: { limit: 'anthropic-ratelimit-tokens-limit', remaining: 'anthropic-ratelimit-tokens-remaining', reset: 'anthropic-ratelimit-tokens-reset' },
};

function add(headers: string[], { limit, remaining, reset }: Names, state: LimitState, shape: ErrorShape, clock: Pick<Clock, 'now'>): void {
  const when = shape === 'anthropic' ? time(clock.now() + state.resetMs) : duration(state.resetMs);
  headers.push(limit, String(state.max), remaining, String(state.remaining), reset, when);
}

/** As Anthropic writes them: the next whole second. */
function time(at: number): string {
  return `${new Date(Math.ceil(at / 1_000) * 1_000).toISOString().slice(0, 19)}Z`;
}

/** As OpenAI writes them: `120ms`, `1.5s`, `6m0s`, `1h0m0s`. */
function duration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1_000) return `${whole}ms`;
  const seconds = whole / 1_000;
  if (seconds < 60) return `${seconds}s`;
  const full = Math.ceil(seconds);
  const minutes = Math.floor(full / 60);
  return minutes < 60 ? `${minutes}m${full % 60}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${full % 60}s`;
}
