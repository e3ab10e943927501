import type { BeyondBytesFacts } from './beyond-bytes.ts';

/** Byte offsets into the body: `start` inclusive, `end` exclusive, quotes and braces included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What the gateway knows of a request's body. Plain data: it crosses to and from a worker. */
export interface BodyFacts extends BeyondBytesFacts {
  /** Top-level `model`; null when absent or null. */
  readonly model: string | null;
  readonly modelSpan: Span | null;
  /** Every other model the provider could run: fallbacks, second models, models of tools (S8). */
  readonly otherModels: readonly string[];
  readonly stream: boolean;
  /** Top-level `stream_options`. */
  readonly streamOptions: StreamOptionsFact | null;
  /** The most that one answer may be long: the largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`; null where there is none, or one that is no number above 0: some providers read `"9"` as one, and -1 as no bound. */
  readonly maxOutputTokens: number | null;
  /** How many answers are made: `n` or `best_of`, for each of several prompts; null where one of these is no number above 0. */
  readonly choices: number | null;
  /** Whom the caller says it asks for. */
  readonly endUser: string | null;
  /** What refers to objects of the account (S1): a key, `type=<value>` or `<key>.id`, each once. */
  readonly references: readonly string[];
  /** Just behind the opening brace of the body. */
  readonly firstKeyAt: number;
  readonly empty: boolean;
}

export interface StreamOptionsFact {
  readonly span: Span;
  readonly kind: 'object' | 'null' | 'other';
  /** The object has no key. */
  readonly empty: boolean;
  readonly includeUsage: { readonly span: Span; readonly asked: boolean } | null;
}
