import type { Soon } from './soon.ts';

/** A part of the current window of one limit is asked for. */
export interface WindowAsk {
  /** What is counted. */
  readonly key: string;
  readonly windowMs: number;
  /** What may be used in a window, over all that ask. */
  readonly max: number;
  /** As much of it comes as there is. */
  readonly need: number;
  /** For what may come; little of it comes when little is left. */
  readonly surplus: number;
  /** Of what came earlier in this window and is given back; negative: used in it without having been asked for. */
  readonly back: { readonly window: number; readonly amount: number };
  /** Used beyond what was asked for; counts in the window in which it arrives. */
  readonly beyond: number;
}

export interface WindowAnswer {
  readonly granted: number;
  /** Counts the windows on the clock of whoever answers: another one is another window. Never goes back. */
  readonly window: number;
  /** Milliseconds until it ends, on that clock. */
  readonly leftMs: number;
  /** What nobody has asked for yet. */
  readonly left: number;
}

/** How many are open at a time is told, and how many may be. */
export interface HeldAsk {
  readonly key: string;
  readonly max: number;
  /** Who holds them; its earlier number is forgotten. */
  readonly holder: string;
  /** These are open, and count whatever the limit is. */
  readonly open: number;
  /** So many are asked for, `open` included. */
  readonly want: number;
}

/** How long a holder counts after it said something last, in milliseconds. */
export const HELD_MS = 20_000;

/**
 * Where the processes that share limits get their parts of them. One clock and one account for all: of a window never more is given out than its limit. Rejects,
 * with whatever it may be, where it cannot be reached; then it is not known whether the ask counted.
 */
export interface LimitLeases {
  /** `process`: answers at once, and nobody else asks there. */
  readonly kind: 'process' | 'workers' | 'redis';
  window(ask: WindowAsk): Soon<WindowAnswer>;
  /** How many the holder may have open: `open` at least, `want` at most. */
  held(ask: HeldAsk): Soon<number>;
}
