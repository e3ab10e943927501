/** Time as the product sees it; injected so that tests can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For what is stored and shown. */
  now(): number;
  /** Milliseconds that only grow. For durations and time-outs. */
  monotonic(): number;
}

/** Random bytes from a cryptographic source; injected so that known-answer tests can fix them. */
export type RandomBytes = (count: number) => Buffer;
