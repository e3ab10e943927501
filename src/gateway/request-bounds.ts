import type { RequestBounds } from '../core/budgets/budget-gate.ts';
import { matchesGlob } from '../core/access/glob.ts';
import type { RouteSpec, Service, TokensOf } from '../core/catalog/service.ts';
import type { BodyFacts } from './body-facts.ts';

/** What of a body decides on what the request may come to. */
export type OutputFacts = Pick<BodyFacts, 'maxOutputTokens' | 'choices' | 'readsMore' | 'pictures' | 'hasTools' | 'predicts'>;

export const noOutput: OutputFacts = Object.freeze({ maxOutputTokens: null, choices: 1, readsMore: false, pictures: 0, hasTools: false, predicts: false });

export interface BoundedRequest {
  readonly service: Service;
  readonly route: RouteSpec;
  readonly models: readonly string[];
  readonly references: readonly string[];
  readonly output: OutputFacts;
  readonly bodyBytes: number;
}

/**
 * The most that a request can use: no token is shorter than a byte of the text that is sent, to which comes what the provider puts in front of it and what
 * pictures are, and an answer is as long as the request lets it be, or as its model can make it (DESIGN «Budgets»).
 */
export function boundsOf({ service, route, models, references, output, bodyBytes }: BoundedRequest): RequestBounds {
  if (route.usage === 'none') return { inputTokens: 0, inputIsOpen: false, outputTokens: 0 };
  const perPicture = output.pictures === 0 ? 0 : largest(service.gateway?.pictures, models);
  const inputIsOpen = output.readsMore || references.length > 0 || perPicture === null || searches(service, models);
  if (route.usage === 'openai-embeddings') return { inputTokens: bodyBytes, inputIsOpen, outputTokens: 0 };
  const { always, withTools } = service.gateway?.ownInput ?? nothing;
  const inputTokens = bodyBytes + always + (output.hasTools ? withTools : 0) + output.pictures * (perPicture ?? 0);
  const each = output.maxOutputTokens ?? largest(service.gateway?.longestAnswers, models);
  return { inputTokens, inputIsOpen, outputTokens: each === null || output.choices === null ? null : (each + (output.predicts ? bodyBytes : 0)) * output.choices };
}

function searches({ gateway }: Service, models: readonly string[]): boolean {
  return gateway?.searchingModels?.some((glob) => models.some((model) => matchesGlob(glob, model.toLowerCase()))) ?? false;
}

const nothing = { always: 0, withTools: 0 };

/** Of all models that could run; null where one is not known. */
function largest(known: readonly TokensOf[] = [], models: readonly string[]): number | null {
  let most: number | null = null;
  for (const model of models) {
    const found = known.find(({ models: glob }) => matchesGlob(glob, model));
    if (found === undefined) return null;
    most = Math.max(most ?? 0, found.tokens);
  }
  return most;
}
