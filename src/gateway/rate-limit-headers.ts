import type { LimitState, LimitStates } from '../core/limits/limit-reached.ts';
import type { Clock } from '../ports/clock.ts';
import type { ErrorShape } from './error-shapes.ts';

/**
 * How limits are told in a provider's own headers, as a flat list: OpenAI's
 * (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers) have durations, Anthropic's (https://docs.anthropic.com/en/api/rate-limits#response-headers) times.
 */
export function rateLimitHeaders({ requests, tokens }: LimitStates, shape: ErrorShape, clock: Pick<Clock, 'now'>): string[] {
  const headers: string[] = [];
  for (const [what, state] of [['requests', requests], ['tokens', tokens]] as const) {
    if (state === undefined) continue;
    if (shape === 'anthropic') headers.push(...anthropic(what, state, clock.now()));
    else headers.push(...openai(what, state));
  }
  return headers;
}

function openai(what: string, { max, remaining, resetMs }: LimitState): string[] {
  return [`x-ratelimit-limit-${what}`, String(max), `x-ratelimit-remaining-${what}`, String(remaining), `x-ratelimit-reset-${what}`, duration(resetMs)];
}

function anthropic(what: string, { max, remaining, resetMs }: LimitState, now: number): string[] {
  const reset = `${new Date(Math.ceil((now + resetMs) / 1_000) * 1_000).toISOString().slice(0, 19)}Z`;
  return [`anthropic-ratelimit-${what}-limit`, String(max), `anthropic-ratelimit-${what}-remaining`, String(remaining), `anthropic-ratelimit-${what}-reset`, reset];
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
