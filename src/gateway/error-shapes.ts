import type { ApiFormat } from '../core/catalog/service.ts';
import { LimitReached, type LimitStates } from '../core/limits/limit-reached.ts';
import { errorStatus } from '../http/error-status.ts';
import type { ErrorCode, KeyholdError } from '../ports/errors.ts';

/** In whose shape an error is told: a provider's, or our own on the documented endpoints (R0.3). */
export type ErrorShape = Exclude<ApiFormat, 'azure'> | 'keyhold';

/** What an error is made of, whoever it is from. */
export interface ShownError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly origin: 'keyhold' | 'upstream';
  readonly retryAfterSeconds: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** Of the limit that it is about. */
  readonly limits?: LimitStates | undefined;
}

/** When nobody knows better, in seconds. */
const DEFAULT_RETRY_SECONDS = 5;

/** The words both formats have for a status; the other 4xx are an `invalid_request_error`, everything else is an `api_error`. */
const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

export function shownError(error: KeyholdError): ShownError {
  return {
    status: errorStatus(error.code),
    code: error.code,
    message: error.publicMessage,
    origin: 'keyhold',
    retryAfterSeconds: error.retryAfterSeconds,
    details: error.details,
    limits: error instanceof LimitReached ? error.states : undefined,
  };
}

/** The error's body as JSON text, so that each SDK raises its own class. */
export function errorBody(error: ShownError, shape: ErrorShape, requestId: string): string {
  const { status, code, message, details } = error;
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const bodies: Readonly<Record<ErrorShape, () => object>> = {
    openai: () => ({ error: { message, type, param: null, code } }),
    anthropic: () => ({ type: 'error', error: { type, message }, request_id: requestId }),
    keyhold: () => ({ error: { code, message, requestId, ...(details === undefined ? {} : { details }) } }),
  };
  return JSON.stringify(bodies[shape]());
}

/** The headers that tell what to make of the error, as a flat list. */
export function errorHeaders({ code, origin, retryAfterSeconds }: ShownError): string[] {
  const headers = ['content-type', 'application/json', 'x-keyhold-error-origin', origin];
  // The challenge is about the caller's key for us, not about ours for the provider.
  if (code === 'unauthenticated' && origin === 'keyhold') headers.push('www-authenticate', 'Bearer realm="keyhold"');
  if (code === 'rate_limited' || code === 'unavailable') {
    headers.push('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds ?? DEFAULT_RETRY_SECONDS))));
  }
  if (code === 'budget_exceeded' || code === 'internal' || code === 'corrupt' || code === 'unsupported') headers.push('x-should-retry', 'false');
  return headers;
}

/**
 * The event that tells a client in a running stream that it failed. Chat streams of OpenAI's format have errors as data, its
 * `/responses` as an event of their own, Anthropic's as an event `error`.
 */
export function errorEvent(error: ShownError, shape: ApiFormat, route: string, requestId: string): string {
  if (shape === 'anthropic') return `event: error\ndata: ${errorBody(error, shape, requestId)}\n\n`;
  if (route === 'responses') {
    return `event: error\ndata: ${JSON.stringify({ type: 'error', code: error.code, message: error.message, param: null, sequence_number: 0 })}\n\n`;
  }
  return `data: ${errorBody(error, 'openai', requestId)}\n\n`;
}
