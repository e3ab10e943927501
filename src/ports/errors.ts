/** The closed set of error codes (R0.3). Only the HTTP and gateway error shapes know what status each one has. */
export const errorCodes = [
  'invalid_argument',
  'unauthenticated',
  'permission_denied',
  'not_found',
  'already_exists',
  'conflict',
  'precondition_failed',
  'payload_too_large',
  'no_credential',
  'rate_limited',
  'budget_exceeded',
  'canceled',
  'internal',
  'corrupt',
  'unsupported',
  'upstream_failed',
  'unavailable',
  'timeout',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * Why somebody who was asked is `unavailable`, where that is known: there is no way to it, it does not answer in time, it fails, it is sealed, it has too much
 * to do, it is left alone for a moment since it kept failing, it is there and does not let us in or has nothing where we look (`refused`), or it is there and
 * answered this one question in a way that we do not know (`strange`).
 */
export type OutageReason = 'network' | 'timeout' | 'failing' | 'sealed' | 'busy' | 'resting' | 'refused' | 'strange';

export interface KeyholdErrorOptions {
  /** What went wrong underneath; goes to the log, never to a caller. */
  readonly cause?: unknown;
  /** Machine-readable facts for the caller; never a secret, never another tenant's. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** For `rate_limited` and `unavailable`: seconds until a repeat makes sense (`Retry-After`). */
  readonly retryAfterSeconds?: number;
  /** For `unavailable`. Decides whether what was read before may serve on (core/resolution/stale-table.ts). */
  readonly outage?: OutageReason | undefined;
}

/**
 * The one error that crosses a room's border. `publicMessage` is written for the caller and says what to do; whatever a library
 * or a server said stays in `cause`. Adapters translate into it, and never confuse `not_found` with `unavailable`.
 */
export class KeyholdError extends Error {
  readonly code: ErrorCode;
  readonly publicMessage: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly outage: OutageReason | undefined;

  constructor(code: ErrorCode, publicMessage: string, options: KeyholdErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KeyholdError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.outage = options.outage;
  }
}

/** The error itself if it is ours, else `internal` with the original as its cause. */
export function asKeyholdError(error: unknown): KeyholdError {
  if (error instanceof KeyholdError) return error;
  return new KeyholdError('internal', 'Something went wrong inside Keyhold. The request id finds the reason in the log.', { cause: error });
}
