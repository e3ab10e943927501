import type { RequestBounds } from '../core/budgets/budget-gate.ts';
import { matchesGlob } from '../core/access/glob.ts';
import type { RouteSpec, Service } from '../core/catalog/service.ts';
import type { BodyFacts } from './body-facts.ts';

/** What of a body decides on what the request may come to. */
export type OutputFacts = Pick<BodyFacts, 'maxOutputTokens' | 'choices' | 'readsMore'>;

export const noOutput: OutputFacts = Object.freeze({ maxOutputTokens: null, choices: 1, readsMore: false });

export interface BoundedRequest {
  readonly service: Service;
  readonly route: RouteSpec;
  readonly models: readonly string[];
  readonly references: readonly string[];
  readonly output: OutputFacts;
  readonly bodyBytes: number;
}

/**
 * The most that a request can use: no token is shorter than a byte of what is sent, and an answer is as long as the request lets it be, or as its model can make
 * it (DESIGN «Budgets»).
 */
export function boundsOf({ service, route, models, references, output, bodyBytes }: BoundedRequest): RequestBounds {
  if (route.usage === 'none') return { inputTokens: 0, inputIsOpen: false, outputTokens: 0 };
  const inputIsOpen = output.readsMore || references.length > 0;
  if (route.usage === 'openai-embeddings') return { inputTokens: bodyBytes, inputIsOpen, outputTokens: 0 };
  const each = output.maxOutputTokens ?? longestAnswer(service, models);
  return { inputTokens: bodyBytes, inputIsOpen, outputTokens: each === null ? null : each * output.choices };
}

/** Of all models that could run; null where one is not known. */
function longestAnswer({ gateway }: Service, models: readonly string[]): number | null {
  let longest: number | null = null;
  for (const model of models) {
    const known = gateway?.longestAnswers?.find(({ models: glob }) => matchesGlob(glob, model));
    if (known === undefined) return null;
    longest = Math.max(longest ?? 0, known.tokens);
  }
  return longest;
}
